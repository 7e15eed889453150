"""The command `ecoduct-edge`."""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ecoduct_edge import decoding, gateway, logs, settings
from ecoduct_edge.checks import check
from ecoduct_edge.errors import SettingsError
from ecoduct_edge.framing import FORMATS
from ecoduct_edge.settings import PortSettings
from ecoduct_wire.clock import ScaledClock, clock_from_environment, from_iso
from ecoduct_wire.errors import EcoductError

_EPILOG: Final = """\
a first evening:
  ecoduct-edge settings --example > edge.toml    write settings, then edit them
  ecoduct-edge check --settings edge.toml        do ports, disk, clock and broker work?
  ecoduct-edge run --settings edge.toml          read, keep, send; Ctrl-C ends it cleanly
  ecoduct-edge status --settings edge.toml       what waits for the server?

exit codes: 0 done, 1 something needs you (what, where, try), 2 wrong use of the command
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    logs.show_on_stderr(options.log_level)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except EcoductError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output, for example `head`, has seen enough.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ecoduct-edge",
        description="Read collars and tags, keep every fix, send it to the server.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("run", help="read, keep and send until Ctrl-C or SIGTERM")
    _add_settings(one)
    one.set_defaults(command=_run)

    one = commands.add_parser("check", help="look at ports, disk, clock and broker; say what to do")
    _add_settings(one)
    one.set_defaults(command=_check)

    one = commands.add_parser("replay", help="take a capture through the gateway to its spool")
    one.add_argument("file", type=Path, help="bytes as they came from a receiver")
    _add_settings(one)
    _add_source(one)
    one.set_defaults(command=_replay)

    one = commands.add_parser("decode", help="show what a capture holds, one JSON object a line")
    one.add_argument("file", help="bytes as they came from a receiver; - for standard input")
    _add_source(one)
    one.add_argument("--received-at", metavar="ISO", help="when the gateway heard it; default: now")
    one.set_defaults(command=_decode)

    one = commands.add_parser("status", help="show the spool, the last receipt and the counters")
    _add_settings(one)
    one.set_defaults(command=_status)

    one = commands.add_parser("settings", help="print the documented example of the settings")
    one.add_argument("--example", action="store_true", required=True)
    one.set_defaults(command=_settings)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--settings", type=Path, required=True, metavar="FILE")


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", default="auto", choices=list(FORMATS))
    parser.add_argument(
        "--device", default="capture", help="the collar, where the receiver does not say which"
    )


def _run(options: argparse.Namespace) -> int:
    loaded = settings.load(options.settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    gateway.run(loaded, clock=clock_from_environment(), stop=stop)
    return 0


def _check(options: argparse.Namespace) -> int:
    findings = check(settings.load(options.settings), clock=clock_from_environment())
    width = max(len(found.what) for found in findings)
    for found in findings:
        verdict = "ok " if found.is_good else "BAD"
        remedy = "" if found.is_good else f"\n{'':{width + 6}}try: {found.remedy}"
        print(f"{found.what:{width}}  {verdict} {found.detail}{remedy}")
    return 0 if all(found.is_good for found in findings) else 1


def _replay(options: argparse.Namespace) -> int:
    loaded = settings.load(options.settings)
    _must_exist(options.file)
    port = PortSettings(
        name="replay",
        url=options.file.absolute().as_uri(),
        format=options.format,
        device=options.device,
    )
    began = time.monotonic()
    counters = gateway.replay(port, loaded, clock=clock_from_environment())
    for name, count in counters.items():
        print(f"{name} {count}")
    print(f"{time.monotonic() - began:.2f} s", file=sys.stderr)
    return 0


def _decode(options: argparse.Namespace) -> int:
    clock = clock_from_environment()
    if options.received_at:
        try:
            shown_s = from_iso(options.received_at) / 1000
        except ValueError as error:
            raise SettingsError(
                f"{options.received_at!r} is not a time.",
                where="--received-at",
                remedy="Write it as 2014-03-01T00:00:00Z.",
            ) from error
        clock = ScaledClock(time.time(), shown_s, 0)
    if options.file == "-":
        options.file = "/dev/stdin"
    _must_exist(Path(options.file))
    port = PortSettings(
        name="decode",
        url=Path(options.file).absolute().as_uri(),
        format=options.format,
        device=options.device,
    )
    counters = decoding.decode_capture(port, clock=clock, show=print)
    print(json.dumps(counters), file=sys.stderr)
    return 0


def _status(options: argparse.Namespace) -> int:
    loaded = settings.load(options.settings)
    _must_exist(loaded.spool_path)
    spool = gateway.open_spool(loaded)
    state = spool.state()
    spool.close()
    print(f"gateway    {loaded.gateway}")
    print(
        f"spool      {loaded.spool_path}, {state.used_bytes:,} of {loaded.spool.max_bytes:,} bytes"
    )
    print(f"epoch      {state.epoch}")
    print(f"kept       {state.kept}")
    print(f"receipted  {state.receipted}; {state.kept - state.receipted} wait for the server")
    print("counters, as of the last minute:")
    for name, count in json.loads(state.counters).items():
        print(f"  {name} {count}")
    return 0


def _settings(options: argparse.Namespace) -> int:
    del options
    print(settings.example(), end="")
    return 0


def _must_exist(path: Path) -> None:
    if path.is_dir() or not os.access(path, os.R_OK):
        raise SettingsError(
            "There is no such file, or no right to read it.",
            where=str(path),
            remedy="Check the name, and the settings.",
        )


if __name__ == "__main__":
    sys.exit(main())
