"""Programs that run together: started, brought back when one falls, ended in order."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ecoduct_server.errors import ServerError

log = logging.getLogger("ecoduct.demo")

_FALLS: Final = 5
_WITHIN_S: Final = 20.0  # a program that falls so often in so short a time will not stand


@dataclass(slots=True)
class Troupe:
    """Programs with one folder for their logs and one environment.

    Should this program be killed, the others are told to end by the kernel.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _commands: dict[str, list[str]] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _falls: deque[float] = field(default_factory=lambda: deque(maxlen=_FALLS))

    def start(self, name: str, program: str, *options: str) -> None:
        """Start one of our programs under a name."""
        self._commands[name] = [*_ends_with_us(), path_of(program), *options]
        self._start(name)

    def fallen(self) -> str | None:
        """Name of a program that ended by itself."""
        return next((n for n, p in self._running.items() if p.poll() is not None), None)

    def revive(self, name: str) -> None:
        """Start a fallen program again.

        Raises
        ------
        ServerError
            Programs fall too often.
        """
        now = time.monotonic()
        self._falls.append(now)
        if len(self._falls) == _FALLS and now - self._falls[0] < _WITHIN_S:
            raise self.failure(name)
        self._start(name)

    def failure(self, name: str) -> ServerError:
        """Say that a program ended by itself, with the last it wrote."""
        path = self.folder / f"{name}.log"
        last = "\n".join(path.read_text(errors="replace").splitlines()[-8:])
        return ServerError(
            f"The program {name!r} ended by itself. Its last lines:\n{last}",
            where=str(path),
            remedy="Mend what they say and start again.",
        )

    def stop(self) -> None:
        """End all, the last started first."""
        for name, process in reversed(self._running.items()):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.debug("demo.stopped name=%s", name)
        self._running.clear()

    def _start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self._running[name] = subprocess.Popen(  # noqa: S603 - our own programs
                self._commands[name],
                stdout=output,
                stderr=output,
                env=self.environment,
                # Ctrl-C reaches only this program, which then ends the others in order.
                start_new_session=True,
            )
        log.debug("demo.started name=%s pid=%d", name, self._running[name].pid)


def path_of(name: str) -> str:
    """Path of one of our programs: beside this one, as the installation put them.

    Raises
    ------
    ServerError
        It is not installed.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ServerError(
            f"The program {name} is not installed.",
            where=str(beside.parent),
            remedy="Install everything: pip install 'ecoduct[edge,server,sim]'.",
        )
    return found


def _ends_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")  # util-linux: on every Debian and Ubuntu
    return [setpriv, "--pdeathsig", "INT", "--"] if setpriv else []
