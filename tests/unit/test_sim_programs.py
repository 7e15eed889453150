import contextlib
import csv
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyproj
import pytest

from sim_reader import PortReader

PROGRAM = "import sys; from ecoduct_sim.cli import main; sys.exit(main())"
TRACKS = """id,timestamp,x,y,epsg
102_2014,2014-01-01T05:00:00Z,566155,4731866,32612
103_2014,2014-01-01T05:00:00Z,566255,4731866,32612
102_2014,2014-01-01T07:00:00.250Z,566286.4,4731724.9,32612
103_2014,2014-01-01T07:00:00Z,566386,4731724,32612
102_2014,2014-01-01T09:00:00Z,566286,4731723,32612
"""


@contextlib.contextmanager
def simulator(*options: str, environment: dict[str, str] | None = None) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *options],
        stderr=subprocess.PIPE,
        env=os.environ | (environment or {}),
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ports_of(folder: Path, process: Any) -> list[dict[str, Any]]:
    while not (folder / "ports.json").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    ports: list[dict[str, Any]] = json.loads((folder / "ports.json").read_text("utf-8"))["ports"]
    return ports


def record(folder: Path, *options: str) -> dict[str, bytes]:
    """What readers of all ports got by the time the simulator ended by itself."""
    with simulator(*options, "--out", str(folder)) as process, contextlib.ExitStack() as stack:
        readers = {
            port["name"]: stack.enter_context(PortReader(Path(port["path"])))
            for port in ports_of(folder, process)
        }
        assert process.wait(60) == 0, process.stderr.read()
    return {name: bytes(reader.data) for name, reader in readers.items()}


def truth_of(folder: Path, event: str) -> list[dict[str, Any]]:
    lines = (folder / "truth.jsonl").read_text("utf-8").splitlines()
    return [found for found in map(json.loads, lines) if found["event"] == event]


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    path = tmp_path / "tracks.csv"
    path.write_text(TRACKS, "utf-8")
    return path


def test_replay_gives_the_positions_and_times_of_the_table(tracks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard = record(out, "replay", str(tracks), "--format", "ubx", "--speed", "max")
    data = heard["collar-102_2014"]
    assert len(data) == 300
    to_degrees = pyproj.Transformer.from_crs(32612, 4326, always_xy=True)
    places = [(566155, 4731866), (566286.4, 4731724.9), (566286, 4731723)]
    for number, (x, y) in enumerate(places):
        payload = data[number * 100 + 6 : number * 100 + 98]
        lon_e7, lat_e7 = struct.unpack_from("<ii", payload, 24)
        lon, lat = to_degrees.transform(x, y)
        assert (lon_e7, lat_e7) == (round(lon * 1e7), round(lat * 1e7))
    assert struct.unpack_from("<HBBBBB", data, 110) == (2014, 1, 1, 7, 0, 0)
    assert struct.unpack_from("<i", data, 122) == (250_000_000,)
    with (out / "deployments.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {
        "device": "103_2014",
        "animal": "103_2014",
        "species": "",
        "starts_at": "2014-01-01T05:00:00.000Z",
        "ends_at": "",
    }


def test_replay_over_lora_numbers_the_collars_and_sends_batches(
    tracks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ("--format", "rak", "--receivers", "1", "--stored", "2")
    heard = record(out, "replay", str(tracks), *options)
    lines = heard["lora-1"].decode("ascii").splitlines()
    frames = [bytes.fromhex(line.rsplit(":", 1)[1]) for line in lines]
    assert all(re.fullmatch(r"\+EVT:RXP2P:-\d+:-?\d+:[0-9A-F]+", line) for line in lines)
    assert [(frame[1], frame[2], len(frame)) for frame in frames] == [
        (0x12, 2, 49),
        (0x12, 1, 49),
        (0x11, 1, 31),
    ]
    assert [frame[6] for frame in frames] == [0, 0, 1]
    assert "collar:2,103_2014," in (out / "deployments.csv").read_text("utf-8")


def test_order_of_the_file_is_kept_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\na,2014-01-02,1,2\na,2014-01-01,1,2\n", "utf-8")
    options = ("replay", str(path), "--format", "nmea", "--order")
    late_first = record(tmp_path / "file", *options, "file")["collar-a"]
    early_first = record(tmp_path / "time", *options, "time")["collar-a"]
    assert re.findall(rb"RMC,.*?,(0\d0114),", late_first) == [b"020114", b"010114"]
    assert re.findall(rb"RMC,.*?,(0\d0114),", early_first) == [b"010114", b"020114"]


def test_a_herd_on_a_bad_day_says_the_same_bytes_again(tmp_path: Path) -> None:
    rates = "lost=0.05,doubled=0.05,reordered=0.05,torn=0.05,flipped=0.05,clock=0.05"
    options = ("herd", "--hours", "4", "--speed", "max", "--seed", "5", "--faults", rates)
    first = record(tmp_path / "a", *options)
    second = record(tmp_path / "b", *options)
    assert first == second
    assert (tmp_path / "a/truth.jsonl").read_bytes() == (tmp_path / "b/truth.jsonl").read_bytes()
    assert set(first) == {f"collar-A{n:02d}" for n in (1, 3, 5, 7, 9, 11)} | {"lora-1", "lora-2"}
    assert truth_of(tmp_path / "a", "crossing")
    kinds = {fault["kind"] for fault in truth_of(tmp_path / "a", "fault")}
    assert kinds == {"lost", "doubled", "reordered", "torn", "flipped", "clock"}


def test_unplugged_ports_lose_only_the_frames_that_the_truth_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--animals", "2", "--format", "ubx", "--hours", "8", "--speed", "max")
    heard = record(out, "herd", *options, "--seed", "3", "--faults", "unplug=0.05")
    unplugged = truth_of(out, "fault")
    assert {fault["kind"] for fault in unplugged} == {"unplug"}
    taken = len(truth_of(out, "fix")) + len(truth_of(out, "no_position"))
    assert sum(len(data) for data in heard.values()) == 100 * (taken - len(unplugged))


def test_every_reception_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard = record(out, "herd", "--format", "reyax", "--hours", "3", "--speed", "max")
    sent = [port for one in truth_of(out, "sent") for port in one["ports"]]
    for name, data in heard.items():
        assert data.count(b"+RCV=") == sent.count(name)
    assert len(sent) > len(truth_of(out, "sent"))


def test_sigterm_ends_it_cleanly_and_takes_the_ports_away(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with simulator("herd", "--out", str(out), "--format", "nmea") as process:
        ports = ports_of(out, process)
        assert all(Path(port["path"]).is_symlink() for port in ports)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not any(Path(port["path"]).is_symlink() for port in ports)
    assert truth_of(out, "stay")


def test_a_shared_clock_sets_the_time_of_the_herd(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown_s = 1_700_000_000
    clock = {"ECODUCT_CLOCK": f"{time.time()},{shown_s},3600"}
    options = ("herd", "--out", str(out), "--format", "ubx", "--animals", "1", "--speed", "1")
    with simulator(*options, environment=clock) as process:
        (port,) = ports_of(out, process)
        with PortReader(Path(port["path"])) as reader:
            data = reader.wait_for(300)
    # An hour each second, whatever --speed says: three fixes come at once, from 2023-11-14 on.
    assert struct.unpack_from("<HBB", data, 10) == (2023, 11, 14)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["replay", "nowhere.csv"], "cannot be read"),
        (["herd", "--faults", "gone=1"], "'gone' is not known"),
        (["herd", "--receivers", "9"], "places for 4 receivers"),
        (["herd", "--stored", "13"], "--stored is 13"),
        (["herd", "--scenario", "tundra"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_remedy(
    options: list[str], complaint: str, tmp_path: Path
) -> None:
    with simulator(*options, "--out", str(tmp_path / "out")) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert complaint in said
    assert [line.split()[0] for line in said.splitlines()] == ["what", "where", "try"]


def test_a_clock_that_is_no_clock_is_refused(tmp_path: Path) -> None:
    clock = {"ECODUCT_CLOCK": "noon"}
    with simulator("herd", "--out", str(tmp_path), environment=clock) as process:
        assert "ECODUCT_CLOCK is 'noon'" in process.communicate(timeout=20)[1]


def test_help_teaches_by_example() -> None:
    for command in ("herd", "replay"):
        with simulator(command, "--help") as process:
            assert process.wait(20) == 0
