"""The one error of the embedded services."""

from ecoduct_server.errors import StoreError


class EmbeddedError(StoreError):
    """The embedded database or broker cannot run here."""
