"""An MQTT 5 broker in a folder: rumqttd from its wheel, else the mosquitto of this machine."""

import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Final

from ecoduct_server.embedded import processes
from ecoduct_server.embedded.errors import EmbeddedError

log = logging.getLogger(__name__)

_READY_S: Final = 15.0
_RUMQTTD: Final = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "v5-1"
listen = "{host}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""
_MOSQUITTO: Final = """\
listener {port} {host}
allow_anonymous true
persistence false
"""


class EmbeddedBroker:
    """An MQTT 5 broker of our own on 127.0.0.1, without passwords.

    It keeps nothing when it ends, which is all that Ecoduct asks of a broker. The port stays.

    Parameters
    ----------
    data_dir : Path
        Holds the configuration, the log and the port.
    mosquitto : Path, optional
        A mosquitto to run instead of rumqttd.
    """

    name = "broker"

    def __init__(self, data_dir: Path, *, mosquitto: Path | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self._mosquitto = mosquitto
        self._port_file = self.data_dir / "port"
        self._log_file = self.data_dir / "broker.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._ownership: int | None = None
        self._mutex = RLock()

    @property
    def address(self) -> str:
        """URL of the broker; known from the first start on."""
        port = self._port()
        if port is None:
            raise EmbeddedError(
                "The broker has not been started yet.",
                where=str(self.data_dir),
                remedy="Start it first: it chooses its port then.",
            )
        return f"mqtt://{processes.HOST}:{port}"

    @property
    def pid(self) -> int | None:
        """Process of the broker; None while it is not running."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        return next(iter(self._running()), None)

    def start(self) -> None:
        """Start the broker, or use the one that another process runs in this folder.

        Raises
        ------
        EmbeddedError
            It cannot run here; the message says why and what to do.
        """
        with self._mutex:
            processes.open_folder(self.data_dir)
            with processes.locked(self.data_dir / "lock"):
                if self._own():
                    if self.pid is None or self._child is None:
                        self._launch()
                elif not processes.wait_until(self._answers, seconds=_READY_S):
                    raise self._does_not_start()

    def ensure_running(self) -> bool:
        """Start the broker if it is dead; whether that was needed."""
        if self.pid is not None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """End the broker, unless it is another process's."""
        with self._mutex:
            if self._ownership is None:
                return
            self._end_all()
            os.close(self._ownership)
            self._ownership = None
            log.info("broker.stopped")

    def _own(self) -> bool:
        if self._ownership is None:
            self._ownership = processes.take_lock(self.data_dir / "owner.lock")
        return self._ownership is not None

    def _launch(self) -> None:
        self._end_all()
        port = processes.choose_port(self._port())
        self._port_file.write_text(f"{port}\n")
        command = self._command()
        template = _RUMQTTD if command[-1].endswith(".toml") else _MOSQUITTO
        Path(command[-1]).write_text(template.format(host=processes.HOST, port=port))
        log.info("broker.starting port=%d program=%s", port, Path(command[0]).name)
        with self._log_file.open("wb") as stream:
            self._child = subprocess.Popen(  # noqa: S603 - programs found by us
                command,
                cwd="/",
                stdin=subprocess.PIPE,  # closes with this process, and rumqttd ends
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C in the terminal is for us, not for the broker
            )
        processes.wait_until(lambda: self.pid is None or self._answers(), seconds=_READY_S)
        if self.pid is None or not self._answers():
            raise self._does_not_start()
        log.info("broker.ready pid=%d port=%d", self._child.pid, port)

    def _command(self) -> list[str]:
        if self._mosquitto is None and importlib.util.find_spec("iotcore"):
            child = str(Path(__file__).with_name("rumqttd.py"))
            return [sys.executable, "-P", child, str(self.data_dir / "rumqttd.toml")]
        mosquitto = self._mosquitto or shutil.which("mosquitto", path=_search_path())
        if mosquitto is None:
            raise EmbeddedError(
                "There is no MQTT broker on this machine.",
                where="looked for the Python package iotcore and for mosquitto",
                remedy="Run `pip install iotcore`, install mosquitto, or give a broker's address.",
            )
        return [str(mosquitto), "-c", str(self.data_dir / "mosquitto.conf")]

    def _end_all(self) -> None:
        """End our broker, or the mosquitto that outlived a killed process of ours."""
        processes.end(self._running, signals=[(signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)])
        if self._child is not None:
            self._child.wait()
            if self._child.stdin:
                self._child.stdin.close()
            self._child = None

    def _running(self) -> list[int]:
        if self._child is not None:
            self._child.poll()  # reaps it, so that it does not look alive
        programs = (("rumqttd.py", "rumqttd.toml"), ("-c", "mosquitto.conf"))
        return [
            pid
            for before, config in programs
            for pid in processes.running_with(f"{before}\0{self.data_dir / config}\0")
        ]

    def _answers(self) -> bool:
        port = self._port()
        return port is not None and processes.answers(port)

    def _port(self) -> int | None:
        with suppress(OSError, ValueError):
            return int(self._port_file.read_text())
        return None

    def _does_not_start(self) -> EmbeddedError:
        return EmbeddedError(
            f"The broker does not start: {processes.last_lines(self._log_file)}",
            where=str(self._log_file),
            remedy="See its log; `ss -ltnp` shows who holds a port.",
        )


def _search_path() -> str:
    # Distributions put it where a user's PATH often does not look.
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
