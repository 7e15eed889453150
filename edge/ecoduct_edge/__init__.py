"""The gateway: bytes from receivers become messages, on disk first, then to the server.

`ecoduct_edge.gateway` shows the whole flow.
"""
