"""What the server refuses, by what the caller should do.

ServerError (an EcoductError)
├── BadRequest    change the request or the file
├── Forbidden     send the key
├── NotFound      ask for something that is there
└── StoreError    the database or the broker is away: try again later
"""

from ecoduct_wire.errors import EcoductError


class ServerError(EcoductError):
    """The root of the server's errors. ``http_status`` is how a request is answered."""

    http_status = 500


class BadRequest(ServerError):  # noqa: N818 - named for what is wrong
    """The request or the file must be changed."""

    http_status = 400


class Forbidden(ServerError):  # noqa: N818 - named for what is wrong
    """Only holders of the key may do this."""

    http_status = 403


class NotFound(ServerError):  # noqa: N818 - named for what is wrong
    """There is no such thing."""

    http_status = 404


class StoreError(ServerError):
    """The database or the broker is away, or not what this version needs."""

    http_status = 503
