import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ecoduct_edge.errors import SpoolError
from ecoduct_edge.spool import Spool
from ecoduct_wire.messages import Fix, Gone, Receipt, Reception, Status

RECEPTION = Reception(received_at_ms=1, port="p", raw=b"raw")


def fix(at_ms: int) -> tuple[Fix, Reception]:
    return Fix(device="d", fixed_at_ms=at_ms, lon_e7=1, lat_e7=2), RECEPTION


def status(at_ms: int) -> tuple[Status, Reception]:
    return Status(device="d", said_at_ms=at_ms), RECEPTION


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "deep" / "spool.sqlite")) as opened:
        yield opened


def test_messages_come_back_in_order_without_a_gap(spool: Spool) -> None:
    assert spool.append([fix(1), status(2)]) == (2, 0)
    assert spool.append([fix(3)]) == (3, 0)
    messages = spool.read_after(0, limit=10)
    assert [message.number for message in messages] == [1, 2, 3]
    assert [(message.body, message.reception) for message in messages] == [
        fix(1),
        status(2),
        fix(3),
    ]
    assert [message.number for message in spool.read_after(1, limit=1)] == [2]


def test_receipt_forgets_and_numbers_go_on(spool: Spool) -> None:
    spool.append([fix(1), fix(2), fix(3)])
    assert spool.settle_through(Receipt(spool.epoch, 2))
    assert [message.number for message in spool.read_after(2, limit=10)] == [3]
    spool.settle_through(Receipt(spool.epoch, 3))
    assert spool.read_after(3, limit=10) == ()
    assert spool.append([fix(4)]) == (4, 0)


def test_forgotten_messages_are_tombstones_for_a_server_that_lost_them(spool: Spool) -> None:
    spool.append([fix(1), fix(2), fix(3)])
    spool.settle_through(Receipt(spool.epoch, 2))
    bodies = [message.body for message in spool.read_after(0, limit=10)]
    assert bodies[:2] == [Gone("forgotten")] * 2
    assert bodies[2] == spool.read_after(2, limit=1)[0].body


def test_old_receipt_changes_nothing(spool: Spool) -> None:
    spool.append([fix(1), fix(2)])
    spool.settle_through(Receipt(spool.epoch, 2))
    assert spool.settle_through(Receipt(spool.epoch, 1))
    assert spool.state().receipted == 2


def test_receipt_of_another_epoch_or_beyond_the_end_is_not_for_this_spool(spool: Spool) -> None:
    spool.append([fix(1)])
    assert not spool.settle_through(Receipt("other", 1))
    assert not spool.settle_through(Receipt(spool.epoch, 2))
    assert len(spool.read_after(0, limit=10)) == 1


def test_epoch_and_numbers_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as before:
        before.append([fix(1), fix(2)])
        before.settle_through(Receipt(before.epoch, 1))
    with closing(Spool(path)) as after:
        assert after.epoch == before.epoch
        assert after.append([fix(3)]) == (3, 0)
        assert [message.number for message in after.read_after(1, limit=10)] == [2, 3]


def test_refused_write_keeps_nothing_and_takes_no_number(spool: Spool) -> None:
    spool.append([fix(1)])
    with pytest.raises(TypeError):
        spool.append([fix(2), None])  # type: ignore[list-item]
    assert spool.append([fix(3)]) == (2, 0)


def test_checkpoints_are_kept_with_the_messages_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as before:
        before.append([fix(1)], checkpoints={"a": {"nmea": 10, "ubx": 20}, "b": {"ubx": 5}})
        before.append([], checkpoints={"a": {"nmea": 30}})
        with pytest.raises(TypeError):
            before.append([None], checkpoints={"a": {"nmea": 99}})  # type: ignore[list-item]
    with closing(Spool(path)) as after:
        assert after.checkpoints() == {"a": {"nmea": 30, "ubx": 20}, "b": {"ubx": 5}}
        assert after.state().kept == 1


def test_full_spool_gives_up_statuses_first_and_says_so(tmp_path: Path) -> None:
    with closing(Spool(tmp_path / "s.sqlite", max_bytes=200_000)) as spool:
        evicted = 0
        for at_ms in range(0, 2_000, 2):
            evicted += spool.append([fix(at_ms), status(at_ms + 1)])[1]
        messages = spool.read_after(0, limit=2_000)
        gone = [message.number for message in messages if message.body == Gone("evicted")]
        left = [type(message.body) for message in messages if message.number not in gone]
        assert [message.number for message in messages] == list(range(1, 2_001))
        assert len(gone) == evicted > 0
        assert spool.state().used_bytes <= 200_000
        # Fixes went only when no status could: all that is left of statuses is the newest.
        assert left.count(Fix) > 10 * left.count(Status)
        assert messages[-2].body == fix(1_998)[0]


def test_damaged_file_is_set_aside_and_a_new_epoch_begins(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as before:
        before.append([fix(1)])
    path.write_bytes(b"not a database, but long enough to be taken for one".ljust(8_192, b"x"))
    with closing(Spool(path)) as after:
        assert after.epoch != before.epoch
        assert after.append([fix(1)]) == (1, 0)
    (aside,) = tmp_path.glob("spool.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"not a database")


def test_damage_inside_the_file_is_found_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as before:
        before.append([fix(at_ms) for at_ms in range(500)])
    data = bytearray(path.read_bytes())
    data[8_192:40_960] = b"\xff" * 32_768
    path.write_bytes(data)
    with closing(Spool(path)) as after:
        assert after.epoch != before.epoch


def test_place_that_cannot_be_written_is_an_error_and_not_damage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpoolError) as error:
        Spool(tmp_path / "file" / "spool.sqlite")
    assert not error.value.is_damage


def test_message_that_the_disk_changed_is_reported_as_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as spool:
        spool.append([fix(1), fix(2)])
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE fix SET data = x'00' WHERE number = 1")
            other.commit()
        bodies = [message.body for message in spool.read_after(0, limit=10)]
        assert bodies == [Gone("unreadable"), fix(2)[0]]


WRITER = """
import sys
from pathlib import Path
from ecoduct_edge.spool import Spool
from ecoduct_wire.messages import Fix, Reception
spool = Spool(Path(sys.argv[1]))
while True:
    entries = [(Fix(device="d", fixed_at_ms=n, lon_e7=1, lat_e7=2),
                Reception(received_at_ms=1, port="p", raw=b"raw")) for n in range(7)]
    print(spool.append(entries)[0], flush=True)
"""


def test_kill_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    for _ in range(50):
        confirmed = int(writer.stdout.readline())
    writer.kill()
    confirmed = max([confirmed, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    writer.stdout.close()
    writer.wait()
    with closing(Spool(path)) as spool:
        messages = spool.read_after(0, limit=1_000_000)
        assert len(messages) >= confirmed >= 350
        assert len(messages) % 7 == 0
        assert [message.number for message in messages] == list(range(1, len(messages) + 1))
        assert not any(isinstance(message.body, Gone) for message in messages)


def test_two_processes_may_write_and_numbers_stay_one_row(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as gateway, closing(Spool(path)) as replay:
        assert gateway.append([fix(1)]) == (1, 0)
        assert replay.append([fix(2)]) == (2, 0)
        assert gateway.append([fix(3)]) == (3, 0)
        assert gateway.epoch == replay.epoch
