"""The broker's own process: `python rumqttd.py CONFIG`, ended when its standard input closes.

Run by path, so that it starts without the rest of the server.
"""

import os
import sys
import threading


def main() -> None:
    """Run rumqttd until the parent closes the pipe, which its death does too."""
    from iotcore import Broker  # noqa: PLC0415 - nothing happens on import

    threading.Thread(target=_end_with_parent, daemon=True).start()
    Broker(config_path=sys.argv[1]).run_forever()


def _end_with_parent() -> None:
    os.read(0, 1)  # unbuffered: a lock on sys.stdin would abort the interpreter's own end
    os._exit(0)


if __name__ == "__main__":
    main()
