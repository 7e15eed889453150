"""Parts of an analysis, one after the other here, or as tasks of a Dask cluster."""

import logging
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import Any, Final, TypeVar

from ecoduct_server.errors import BadRequest

Part = TypeVar("Part")
Found = TypeVar("Found")

LOCAL: Final = "local"
_AHEAD: Final = 2  # tasks that wait at each worker, so that none idles while results are written
_CONNECT_S: Final = "10s"


def each(
    function: Callable[[Part], Found], parts: Iterable[Part], *, scheduler: str | None = None
) -> Iterator[Found]:
    """What a function makes of each part, in the order of the parts, wherever it is computed.

    Parts are taken as results are fetched, so that neither all parts nor all results need to be
    in memory at once.

    Parameters
    ----------
    function : callable
        Of a module: a worker imports it by name. What it gives depends on its part alone.
    parts : iterable
    scheduler : str, optional
        Address of a Dask scheduler, or ``local`` for workers on this machine, one for each core.
        Without one every part is computed in this process.

    Raises
    ------
    BadRequest
        No scheduler answers, it has no workers, or a worker has another version of this program
        or is lost over a part.
    """
    if scheduler is None:
        yield from map(function, parts)
        return
    with _connected(scheduler) as client:
        waiting: deque[Any] = deque()
        most = _AHEAD * _workers(client, scheduler)
        for part in parts:
            if len(waiting) >= most:
                yield _fetched(waiting.popleft(), scheduler)
            waiting.append(client.submit(function, part, pure=False))
        while waiting:
            yield _fetched(waiting.popleft(), scheduler)


@contextmanager
def _connected(scheduler: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ModuleNotFoundError as missing:
        raise BadRequest(
            f"Dask is not installed: no module {missing.name}.", where=f"--scheduler {scheduler}",
            remedy="pip install 'ecoduct[cluster]', or leave --scheduler out.",
        ) from missing  # fmt: skip
    with ExitStack() as open_until_done:
        address = scheduler
        if scheduler == LOCAL:
            address = open_until_done.enter_context(_local_cluster())
        try:
            client = Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise BadRequest(
                f"No Dask scheduler answers: {error}", where=f"--scheduler {scheduler}",
                remedy="Give its address as it prints it, for example tcp://10.0.0.5:8786.",
            ) from error  # fmt: skip
        yield open_until_done.enter_context(client)


@contextmanager
def _local_cluster() -> Iterator[Any]:
    import dask.config
    from distributed import LocalCluster

    # One thread a worker: kernels hold their arrays in a processor's cache, and Numba's compiled
    # code is loaded once for each process.
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set(temporary_directory=folder),  # of the scheduler, which would leave it
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        ) as cluster,
    ):  # fmt: skip
        yield cluster


def _workers(client: Any, scheduler: str) -> int:
    ours = version("ecoduct")
    theirs = client.run(version, "ecoduct", on_error="return")
    if not theirs:
        raise BadRequest(
            "The Dask scheduler has no workers.", where=f"--scheduler {scheduler}",
            remedy="Start some: dask worker ADDRESS, with Ecoduct installed.",
        )  # fmt: skip
    for worker, found in theirs.items():
        if found != ours:
            raise BadRequest(
                f"The worker {worker} has Ecoduct {found}, this is {ours}.",
                where=f"--scheduler {scheduler}",
                remedy="Install the same version everywhere, or the tables would differ.",
            )
    return len(theirs)


def _fetched(future: Any, scheduler: str) -> Any:
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except (FutureCancelledError, KilledWorker, OSError) as error:
        raise BadRequest(
            f"A part was lost: {error}", where=f"--scheduler {scheduler}",
            remedy="See the log of the workers; more memory or smaller parts may help.",
        ) from error  # fmt: skip
