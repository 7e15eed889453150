import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ecoduct_edge.errors import SpoolError
from ecoduct_edge.journal import (
    SEGMENT_BYTES,
    Journal,
    folder_of,
    ports_of,
    unsettled_bytes,
)

HEADER_BYTES = 8


@contextmanager
def opened(folder: Path, *, resume_at: int | None = None) -> Iterator[Journal]:
    with closing(Journal(folder, resume_at=resume_at)) as journal:
        yield journal


def put(journal: Journal, data: bytes) -> None:
    """Fill as a port does; a port never gives more than there is room for."""
    left = memoryview(data)

    def read(room: memoryview) -> int:
        count = min(len(room), len(left))
        room[:count] = left[:count]
        return count

    while left:
        left = left[journal.fill(read) :]


def taken(journal: Journal) -> bytes:
    return b"".join(data for _, data in journal.fresh())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_of_a_pipe_are_given_and_kept(tmp_path: Path) -> None:
    out, into = os.pipe()
    os.write(into, b"bytes")
    with opened(tmp_path) as journal:
        assert journal.fill(lambda room: os.readv(out, [room])) == 5
        assert list(journal.fresh()) == [(0, b"bytes")]
        assert list(journal.fresh()) == []
    with opened(tmp_path) as again:
        assert again.recovered == 5
        assert list(again.fresh()) == [(0, b"bytes")]
    os.close(out)
    os.close(into)


def test_only_what_is_not_dealt_with_comes_again_and_new_bytes_follow(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, b"before")
    with opened(tmp_path, resume_at=4) as journal:
        put(journal, b"after")
        assert list(journal.fresh()) == [(4, b"re"), (6, b"after")]


def test_silence_and_the_end_of_a_file_are_passed_on(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        assert journal.fill(lambda _: 0) == 0
        assert journal.fill(lambda _: None) is None
        assert taken(journal) == b""


def test_bytes_that_were_read_but_not_noted_are_found(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, b"noted")
    segment = tmp_path / f"{0:020}.bytes"
    with segment.open("r+b") as file:
        file.seek(HEADER_BYTES + 5)
        file.write(b"\0" * 300 + b"!")
    with opened(tmp_path) as again:
        assert taken(again) == b"noted" + b"\0" * 300 + b"!"


READS_AND_DIES = """
import os, sys
from pathlib import Path
from ecoduct_edge.journal import Journal
def read(room):
    os.readv(0, [room])
    os.kill(os.getpid(), 9)
Journal(Path(sys.argv[1]), resume_at=None).fill(read)
"""


def test_kill_right_after_the_read_loses_nothing(tmp_path: Path) -> None:
    died = subprocess.run(
        [sys.executable, "-c", READS_AND_DIES, str(tmp_path)], input=b"last", check=False
    )
    assert died.returncode == -9
    with opened(tmp_path) as again:
        assert taken(again) == b"last"


def test_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    data = os.urandom(2 * SEGMENT_BYTES + 1)
    with opened(tmp_path) as journal:
        put(journal, data)
        assert taken(journal) == data
    assert files(tmp_path) == [f"{at:020}.bytes" for at in (0, SEGMENT_BYTES, 2 * SEGMENT_BYTES)]
    with opened(tmp_path, resume_at=1) as again:
        assert taken(again) == data[1:]


def test_segments_that_are_dealt_with_are_deleted_at_the_next(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, bytes(2 * SEGMENT_BYTES))
        journal.settled = SEGMENT_BYTES - 1
        put(journal, bytes(SEGMENT_BYTES))
        assert len(files(tmp_path)) == 3
        journal.settled = 2 * SEGMENT_BYTES
        put(journal, b"x")
        assert files(tmp_path) == [f"{at * SEGMENT_BYTES:020}.bytes" for at in (2, 3)]


def test_restart_deletes_what_the_spool_has_dealt_with(tmp_path: Path) -> None:
    for resume_at in range(5):
        with opened(tmp_path, resume_at=resume_at) as journal:
            put(journal, b"x")
    assert files(tmp_path) == [f"{at:020}.bytes" for at in (3, 4)]


def test_spool_that_knows_more_than_the_journal_sets_the_place(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, b"x")
    with opened(tmp_path, resume_at=1_000) as journal:
        put(journal, b"new")
        assert list(journal.fresh()) == [(1_000, b"new")]


def test_missing_segment_ends_what_came_before(tmp_path: Path) -> None:
    for resume_at in (0, 10):
        with opened(tmp_path, resume_at=resume_at) as journal:
            put(journal, b"part")
    with opened(tmp_path, resume_at=0) as again:
        assert list(again.fresh()) == [(0, b"part"), (10, b""), (10, b"part")]


@pytest.mark.parametrize(
    ("damage", "readable"),
    [
        (lambda data: data[: HEADER_BYTES + 4], b"good"),
        (lambda data: data[: HEADER_BYTES - 1], b""),
        (lambda _: b"", b""),
        (lambda data: b"\xff" * HEADER_BYTES + data[HEADER_BYTES:], b"good bytes"),
        (lambda data: bytes(HEADER_BYTES) + data[HEADER_BYTES:], b"good bytes"),
        (lambda data: data + b"more than a segment", b"good bytes"),
    ],
    ids=["cut", "header cut", "empty", "wild header", "no header", "too long"],
)
def test_damaged_segment_gives_what_is_readable(
    tmp_path: Path, damage: object, readable: bytes
) -> None:
    assert callable(damage)
    with opened(tmp_path) as journal:
        put(journal, b"good bytes")
    segment = tmp_path / f"{0:020}.bytes"
    segment.write_bytes(damage(segment.read_bytes()))
    with opened(tmp_path, resume_at=0) as again:
        put(again, b"new")
        assert taken(again) == readable + b"new"


def test_zeros_that_a_power_cut_left_do_not_reach_into_the_next_segment(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        put(journal, b"good")
    with opened(tmp_path) as journal:
        put(journal, b"next")
    segment = tmp_path / f"{0:020}.bytes"
    segment.write_bytes(segment.read_bytes()[: HEADER_BYTES + 4].ljust(SEGMENT_BYTES, b"\0"))
    with opened(tmp_path) as again:
        assert taken(again) == b"goodnext"


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / f"{9:020}.bytes").mkdir()
    (tmp_path / ("9" * 20 + ".bytes")).write_bytes(b"x")
    (tmp_path / "fresh").write_bytes(b"of a start that was killed")
    with opened(tmp_path) as journal:
        put(journal, b"bytes")
        assert taken(journal) == b"bytes"
    assert files(tmp_path) == [
        f"{0:020}.bytes",
        f"{9:020}.bytes",
        "9" * 20 + ".bytes",
        "notes.txt",
    ]


def test_port_that_fails_leaves_no_bytes(tmp_path: Path) -> None:
    def read(_: memoryview) -> int:
        raise OSError(errno.EIO, "unplugged")

    with opened(tmp_path) as journal:
        with pytest.raises(OSError, match="unplugged"):
            journal.fill(read)
        put(journal, b"later")
        assert list(journal.fresh()) == [(0, b"later")]


def test_folder_that_went_away_refuses_before_anything_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "port"
    with opened(folder) as journal:
        folder.rmdir()
        with pytest.raises(FileNotFoundError):
            put(journal, b"x")
        folder.mkdir()
        put(journal, b"x")
        assert taken(journal) == b"x"


def test_two_gateways_cannot_share_a_journal(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(SpoolError, match="another gateway"):
        Journal(tmp_path, resume_at=None)
    with opened(tmp_path):
        pass


def test_folder_that_cannot_be_made_says_what_to_try(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError) as error:
        Journal(tmp_path / "file" / "port", resume_at=None)
    assert error.value.remedy


@pytest.mark.parametrize("port", ["lora", "..", ".hidden", "a/b", "50%", "Hütte 1", "x" * 32])
def test_any_name_of_a_port_makes_one_folder_and_is_read_back(tmp_path: Path, port: str) -> None:
    with opened(folder_of(tmp_path / "journal", port)) as journal:
        put(journal, b"12345")
    assert ports_of(tmp_path / "journal") == [port]
    assert files(tmp_path) == ["journal"]
    assert unsettled_bytes(folder_of(tmp_path / "journal", port), resume_at=2) == 3


def test_gateway_without_a_journal_yet_has_no_ports(tmp_path: Path) -> None:
    assert ports_of(tmp_path / "journal") == []
