"""Peers of another environment: a child process that does a round when asked, and waits."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.measure import PeerMissing, timed

ROOT = Path(__file__).parents[1]


class Peer:
    """A peer in its own interpreter, asked for one round at a time.

    Rounds of ours and of the peer alternate, on the same core, and the peer's own process counts
    its own CPU time; starting it, importing and reading the input are never in a round.

    Parameters
    ----------
    environment : str
        Folder in ``.cache`` that ``scripts/setup-peers`` made.
    module : str
        In `benchmarks.peers`.
    arguments : str
        What the module takes: the operation, the input file, and so on.
    """

    def __init__(self, environment: str, module: str, *arguments: str) -> None:
        python = ROOT / ".cache" / environment / "bin" / "python"
        if not python.exists():
            raise PeerMissing(f"no {environment} environment; run scripts/setup-peers")
        self._child = subprocess.Popen(
            [python, "-m", f"benchmarks.peers.{module}", *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the child end."""
        if self._child.stdin:
            self._child.stdin.close()
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def round(self) -> float:
        """CPU time of one round of the peer, s."""
        return float(self._ask("round"))

    def answer(self) -> Any:
        """What the peer's last round found, as JSON gives it."""
        return self._ask("answer")

    def _ask(self, question: str) -> Any:
        if self._child.stdin is None or self._child.stdout is None:
            raise PeerMissing("the peer has no pipe")
        try:
            self._child.stdin.write(question + "\n")
            self._child.stdin.flush()
            return json.loads(self._child.stdout.readline())
        except (OSError, ValueError) as error:
            raise PeerMissing("the peer stopped; its own message is above") from error


def serve(work: Callable[[], object], answer: Callable[[Any], object]) -> None:
    """Do rounds as the parent asks for them, until it closes the pipe.

    Parameters
    ----------
    work : callable
        One round.
    answer : callable
        Turns what the last round gave into what JSON can hold.
    """
    out, sys.stdout = sys.stdout, sys.stderr  # what a library prints must not enter the pipe
    last: list[object] = []

    def keep() -> None:
        last[:] = [work()]

    for question in sys.stdin:
        reply = timed(keep)() if question.strip() == "round" else answer(last[0])
        out.write(json.dumps(reply) + "\n")
        out.flush()
