"""Lines of the analysis library beside its peers: ``python -m benchmarks.bench_analysis``."""

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.measure import Bar, Row, Skipped, WrongAnswer, pin_to_one_core, write_json

LINES: Final = (
    "steps", "screening", "crossings", "nearest", "live", "behaviour", "corridors", "dynamic",
    "utilisation", "population", "stays", "chain", "dask", "memory",
)  # fmt: skip


def main() -> int:
    """Run the lines that were picked; 1 if an answer was wrong, whatever the ratios."""
    picked = arguments()
    # Before Numba is imported, which reads the number of its threads once.
    pin_to_one_core()
    rows: list[Row] = []
    wrong = 0
    for line in picked.lines or LINES:
        try:
            for row in rows_of(line, quick=picked.quick):
                print(row, flush=True)
                rows.append(row)
        except WrongAnswer as error:
            wrong += 1
            print(f"{line:<10} WRONG: {error}", flush=True)
    bars = [row for row in rows if isinstance(row, Bar) and row.target is not None]
    met = sum(row.verdict == "met" for row in bars)
    skipped = sum(isinstance(row, Skipped) for row in rows)
    print(f"{met} of {len(bars)} bars met, {skipped} lines skipped, {wrong} wrong answers")
    if picked.json:
        write_json(picked.json, rows)
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    """Which lines, at which size."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("lines", nargs="*", metavar="line", help=", ".join(LINES))
    parser.add_argument("--quick", action="store_true", help="small: shows that it runs, no more")
    parser.add_argument("--json", type=Path, help="keep the rows in a file")
    picked = parser.parse_args()
    if unknown := set(picked.lines) - set(LINES):
        parser.error(f"no line {', '.join(sorted(unknown))}: there are {', '.join(LINES)}")
    return picked


def rows_of(line: str, *, quick: bool) -> Iterator[Row]:
    """Rows of one line as they are measured."""
    inputs = importlib.import_module("benchmarks.inputs")
    try:
        module = importlib.import_module(f"benchmarks.lines.{line}")
    except ModuleNotFoundError as missing:
        yield Skipped(line, "", f"no module {missing.name}")
        return
    yield from module.rows(inputs.QUICK if quick else inputs.FULL)


if __name__ == "__main__":
    sys.exit(main())
