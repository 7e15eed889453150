"""One event a line: time, level, name of the event, fields."""

import logging
import sys
import time


def start(*, verbose: bool = False) -> None:
    """Send log lines to standard error, in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    # These tell every request and statement at INFO; an operator reads events.
    for name in ("uvicorn.access", "httpx", "psycopg.pool", "paho"):
        logging.getLogger(name).setLevel(logging.WARNING)
