"""`ecoduct serve`: the server, with everything that was not named embedded."""

import socket
from types import FrameType

import uvicorn

from ecoduct_server.app import create_app
from ecoduct_server.commands.stores import bring_up, with_services
from ecoduct_server.commands.terminal import out
from ecoduct_server.errors import BadRequest
from ecoduct_server.services import Services
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store.pool import connect


def serve(settings: ServerSettings) -> None:
    """Run until Ctrl-C or SIGTERM.

    Raises
    ------
    BadRequest
        The port is taken.
    """
    listener = _bind(settings)
    with listener, with_services(settings) as ready:
        with connect(ready.database) as connection:
            bring_up(connection)
        host, port = listener.getsockname()[:2]
        out.print(f"broker   {_without_password(ready.broker)}")
        out.print(f"pages    http://{host}:{port}/   thin links: http://{host}:{port}/lite")
        config = uvicorn.Config(
            create_app(ready), log_config=None, access_log=False, timeout_graceful_shutdown=5
        )
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends the live streams when it is told to stop: by themselves they never end."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        services: Services | None = getattr(self.config.app.state, "services", None)  # type: ignore[union-attr]
        if services is not None:
            services.hub.close()
        super().handle_exit(sig, frame)


def _bind(settings: ServerSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise BadRequest(
            f"Port {settings.port} of {settings.host} cannot be used: {error.strerror}.",
            where="--host, --port",
            remedy=f"Stop what uses it, try `--port {settings.port + 1}`, or `--port 0` for any.",
        ) from error
    return listener


def _without_password(address: str) -> str:
    head, at, host = address.rpartition("@")
    return f"{head.split('://')[0]}://…@{host}" if at else address
