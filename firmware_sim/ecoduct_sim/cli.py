"""Command line of the simulator."""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from ecoduct_sim import faults
from ecoduct_sim.clock import from_iso
from ecoduct_sim.errors import SimError
from ecoduct_sim.field import Settings
from ecoduct_sim.simulate import Common, HerdOptions, ReplayOptions, run_herd, run_replay
from ecoduct_sim.stations import CHOICES

_INTRODUCTION = """\
Collars without animals: bytes on pseudo-terminals, as GPS receivers and LoRa modems write them.

  ecoduct-sim herd    lets a herd walk a landscape with fences, corridors and places to stay.
  ecoduct-sim replay  sends a table of tracks that animals walked.

Both write into one folder:
  ports.json         the ports: name, path, format, gateway; written when all are there
  ports/             the ports, as symbolic links to pseudo-terminals
  deployments.csv    which device is on which animal
  landscape.geojson  barriers, corridors and places (herd)
  truth.jsonl        what really happened: fixes, crossings, stays, and each fault made
"""

_HERD_EXAMPLES = """\
examples:
  ecoduct-sim herd --out /tmp/steppe
      12 animals, ten minutes of their lives each second, until Ctrl-C
  ecoduct-sim herd --out /tmp/steppe --speed 1 --start now
      as it would be outside
  ecoduct-sim herd --out /tmp/steppe --hours 48 --speed max --seed 7
      two days as fast as the ports are read; the same every time
  ecoduct-sim herd --out /tmp/steppe --faults lost=0.05,flipped=0.02,unplug=0.001
      on a bad day
  cat /tmp/steppe/ports/collar-A03
      what the second NMEA or u-blox collar says, in another terminal

ECODUCT_CLOCK=wall_s,shown_s,rate sets time and speed for several programs at once; --start and
--speed then mean nothing.
"""

_REPLAY_EXAMPLES = """\
examples:
  ecoduct-sim replay tracks.csv --out /tmp/field --speed 3600
      an hour of track each second, all animals on one line of time
  ecoduct-sim replay movebank.csv --out /tmp/field --format nmea --speed max
      as fast as the ports are read, one NMEA receiver for each animal
  ecoduct-sim replay utm.csv --epsg 32612 --out /tmp/field --format rak --stored 6
      x and y in UTM zone 12 north; collars send six fixes at a time

The table is CSV with an animal, a time (UTC unless it says otherwise) and a position in each row:
columns id, timestamp, lon, lat; or Movebank's names; or x and y with a column epsg or --epsg.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 0 also when it is stopped by Ctrl-C or SIGTERM."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        common = _common(given)
        if given.command == "herd":
            run_herd(_herd_options(given), common, environment=os.environ)
        else:
            run_replay(_replay_options(given), common)
    except KeyboardInterrupt:
        print("ecoduct-sim: stopped", file=sys.stderr)
    except SimError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _common(given: argparse.Namespace) -> Common:
    return Common(
        out=given.out,
        form=given.format,
        receivers=given.receivers,
        speed=given.speed,
        hold=given.hold,
        settings=Settings(
            rates=faults.parse(given.faults),
            seed=given.seed,
            stored=given.stored,
            nmea_decimals=given.nmea_decimals,
        ),
    )


def _herd_options(given: argparse.Namespace) -> HerdOptions:
    return HerdOptions(
        animals=given.animals,
        interval_s=given.interval_s,
        hours=given.hours,
        start_ms=given.start,
        gps_error_m=given.gps_error_m,
        scenario=given.scenario,
    )


def _replay_options(given: argparse.Namespace) -> ReplayOptions:
    return ReplayOptions(
        tracks=given.tracks,
        epsg=given.epsg,
        by_time=given.order == "time",
        start_delay_s=given.start_delay_s,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ecoduct-sim",
        description=_INTRODUCTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="herd|replay")
    _add_herd(commands)
    _add_replay(commands)
    return parser


def _add_herd(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    herd = commands.add_parser(
        "herd",
        help="a herd that walks",
        epilog=_HERD_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(herd, speed=600.0)
    add = herd.add_argument
    add("--animals", type=_count, default=12, help="how many (12)")
    add("--interval-s", type=_interval_s, default=600.0, help="between an animal's fixes (600)")
    add("--hours", type=_positive, default=math.inf, help="of their time; default: until stopped")
    add("--start", type=_moment, default="2025-03-01", help="UTC, or `now` (2025-03-01)")
    add("--gps-error-m", type=_not_negative, default=5.0, help="typical error (5)")
    add("--scenario", default="steppe", help="a built-in landscape or a .toml file (steppe)")


def _add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    replay = commands.add_parser(
        "replay",
        help="tracks that walked",
        epilog=_REPLAY_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.add_argument("tracks", type=Path, metavar="TRACKS", help="a CSV file, or .csv.gz")
    _add_common(replay, speed=math.inf)
    add = replay.add_argument
    add("--epsg", type=_count, help="coordinate system of x and y")
    add("--order", choices=("time", "file"), default="time", help="of the rows (time)")
    add("--start-delay-s", type=_not_negative, default=0.0, help="before the first fix (0)")


def _add_common(parser: argparse.ArgumentParser, *, speed: float) -> None:
    add = parser.add_argument
    shown = "max" if math.isinf(speed) else f"{speed:g}"
    add("--out", type=Path, required=True, metavar="DIR", help="folder for ports and truth")
    add("--format", choices=CHOICES, default="mixed", help="what the gateways hear (mixed)")
    add("--receivers", type=_count, default=2, help="LoRa receivers, one to a gateway (2)")
    add(
        "--speed",
        type=_speed,
        default=speed,
        help=f"their seconds to one of ours, or max ({shown})",
    )
    add("--faults", default="", metavar="KIND=SHARE,…", help=", ".join(faults.KINDS))
    add("--stored", type=int, default=1, help="fixes that a LoRa collar sends at a time, 1-12 (1)")
    add("--nmea-decimals", type=int, default=7, help="digits of the minutes, 2-7 (7, 0.2 mm)")
    add("--seed", type=int, default=1, help="the same seed, the same bytes (1)")
    add("--hold", action="store_true", help="keep the ports when all is read, until Ctrl-C")


def _speed(text: str) -> float:
    return math.inf if text == "max" else _positive(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _interval_s(text: str) -> float:
    value = float(text)
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is below 1 second")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _moment(text: str) -> int:
    try:
        return time.time_ns() // 60_000_000_000 * 60_000 if text == "now" else from_iso(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a time like 2025-03-01T06:00Z") from None
