import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from contextlib import closing
from pathlib import Path

import pytest

from ecoduct_edge import gateway, settings
from ecoduct_edge.cli import main
from edge_frames import COLLAR_EXAMPLE, nav_pvt, nmea, reyax

CAPTURE = nav_pvt() + b"?" + reyax(COLLAR_EXAMPLE) + b"+ERR=12\r\n" + nav_pvt(fix_type=0)
NOBODY = "mqtt://127.0.0.1:9"  # no broker listens on the discard port


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.bin"
    path.write_bytes(CAPTURE)
    return path


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f'gateway = "hut-1"\ndata_dir = "{tmp_path}/data"\nmqtt.url = "{NOBODY}"\n'
        f'[[port]]\nname = "collar"\nurl = "serial://{tmp_path}/collar"\n'
    )
    return path


def test_decode_shows_each_message_and_refusal_and_then_the_counts(
    capture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(capture), "--received-at", "2024-05-01T12:00:00Z"]) == 0
    printed = capsys.readouterr()
    fix, collar, status, refused = (json.loads(line) for line in printed.out.splitlines())
    assert fix["fix"]["device"] == "capture"
    assert fix["heard"]["received_at_ms"] == 1_714_564_800_000
    assert collar["fix"]["flags"] == ["before_earliest"]
    assert collar["heard"]["rssi_dbm"] == -97
    assert status["status"]["text"] == "+ERR=12"
    assert refused["refused"]["reason"] == "no_position"
    assert refused["refused"]["at_byte"] == len(CAPTURE) - 100
    assert bytes.fromhex(refused["refused"]["raw"]) == nav_pvt(fix_type=0)
    assert json.loads(printed.err.splitlines()[-1])["decode.bytes.noise"] == 1


def test_replay_fills_the_spool_and_status_tells(
    capture: Path, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--settings", str(settings_file)]
    assert main(["replay", str(capture), *given, "--device", "C-9"]) == 0
    assert "replay.messages.kept 3" in capsys.readouterr().out
    assert main(["status", *given]) == 0
    assert "3 wait for the server" in capsys.readouterr().out
    with closing(gateway.open_spool(settings.load(settings_file))) as spool:
        assert [message.number for message in spool.read_after(0, limit=9)] == [1, 2, 3]


def test_settings_prints_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--example"]) == 0
    assert capsys.readouterr().out == settings.example()


def test_check_says_what_to_do(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--settings", str(settings_file)]) == 1
    printed = capsys.readouterr().out
    assert "port collar  BAD" in printed
    assert "broker       BAD" in printed
    assert "disk         ok" in printed
    assert printed.count("try: ") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["decode", "/nothing"],
        ["decode", "/tmp"],
        ["decode", "/dev/null", "--received-at", "noon"],
        ["run", "--settings", "/nothing"],
    ],
)
def test_error_is_what_where_try_and_exit_code_1(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["what", "where", "try"]


def test_wrong_use_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["decode"])
    assert exit_info.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_capture_goes_on_without_a_broker_and_ends_cleanly(
    number: signal.Signals, settings_file: Path, tmp_path: Path
) -> None:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[0] = attributes[1] = attributes[3] = 0
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    (tmp_path / "collar").symlink_to(os.ttyname(slave))
    program = subprocess.Popen(
        [sys.executable, "-m", "ecoduct_edge.cli", "run", "--settings", str(settings_file)],
        stderr=subprocess.PIPE,
        text=True,
    )
    rmc = nmea("GNRMC,115958.25,A,4244.3872,N,11011.2386,W,1.000,90.5,010524,,,A,V")
    os.write(master, nav_pvt() + rmc)
    loaded = settings.load(settings_file)
    until = time.monotonic() + 20
    kept = 0
    while kept < 2 and time.monotonic() < until:
        time.sleep(0.05)  # another process writes; there is nothing to wait on but its file
        if loaded.spool_path.exists():
            with closing(gateway.open_spool(loaded)) as spool:
                kept = spool.state().kept
    os.write(master, reyax(COLLAR_EXAMPLE))
    program.send_signal(number)
    _, errors = program.communicate(timeout=20)
    os.close(master)
    os.close(slave)
    assert program.returncode == 0, errors
    assert "uplink.lost" in errors
    assert "Traceback" not in errors
    with closing(gateway.open_spool(loaded)) as spool:
        devices = [getattr(one.body, "device", "") for one in spool.read_after(0, limit=9)]
        counters = json.loads(spool.state().counters)
    assert devices[:2] == ["collar", "collar"]
    assert counters["collar.messages.kept"] == len(devices)
