"""Parts of an analysis here and on a Dask cluster: the same results, in the same order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask.config
import pytest
from distributed import LocalCluster

from ecoduct_analysis.errors import BadRule
from ecoduct_server.commands.analysing.scheduler import each
from ecoduct_server.errors import BadRequest

pytestmark = pytest.mark.journey  # workers take seconds to start


def squared(number: int) -> tuple[int, int]:
    return number**2, os.getpid()


def refuse(number: int) -> int:
    raise BadRule(f"{number} is not allowed.")


@contextmanager
def a_cluster(workers: int, folder: Path) -> Iterator[str]:
    with (
        dask.config.set(temporary_directory=str(folder)),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as running,
    ):
        yield running.scheduler_address


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with a_cluster(2, tmp_path_factory.mktemp("workers")) as address:
        yield address


def test_without_a_scheduler_parts_are_computed_here_as_they_are_asked_for() -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for number in range(3):
            taken.append(number)
            yield number

    found = each(squared, parts())
    assert next(found) == (0, os.getpid())
    assert taken == [0]


def test_a_cluster_gives_the_results_in_the_order_of_the_parts(cluster: str) -> None:
    found = list(each(squared, iter(range(20)), scheduler=cluster))
    assert [square for square, _ in found] == [number**2 for number in range(20)]
    assert os.getpid() not in {process for _, process in found}


def test_parts_are_not_all_taken_before_the_first_result(cluster: str) -> None:
    taken: list[int] = []

    def parts() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = each(squared, parts(), scheduler=cluster)
    next(found)
    assert len(taken) < 10
    found.close()  # type: ignore[attr-defined]


def test_what_a_worker_refuses_is_refused_here(cluster: str) -> None:
    with pytest.raises(BadRule, match="7 is not allowed"):
        list(each(refuse, [7], scheduler=cluster))


def test_local_starts_workers_and_stops_them() -> None:
    found = list(each(squared, range(4), scheduler="local"))
    assert [square for square, _ in found] == [0, 1, 4, 9]
    for process in {process for _, process in found}:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "ftp://x:1", ""])
def test_an_address_where_no_scheduler_is_says_so(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecoduct_server.commands.analysing.scheduler._CONNECT_S", "1s")
    with pytest.raises(BadRequest, match="No Dask scheduler answers"):
        list(each(squared, [1], scheduler=address))


def test_a_cluster_without_workers_says_so(tmp_path: Path) -> None:
    with a_cluster(0, tmp_path) as empty, pytest.raises(BadRequest, match="no workers"):
        list(each(squared, [1], scheduler=empty))
