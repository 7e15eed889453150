"""The language that gateways and server share: messages, batches, topics, time.

Standard library only, so that it installs on any Raspberry Pi.
"""

__version__ = "0.1.0"
