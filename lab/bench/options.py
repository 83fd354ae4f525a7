"""The options of the benchmark's command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lab.bench.report import NAMES, PAIRS

STARTS: Final = 5
"""Default number of starts of each version to compare."""
PAIRS_COMPARED: Final = 3
"""Default number of pairs of bursts in a start that count; one pair before them warms up."""
BURST: Final = 6000
"""Default number of bookings in a burst; fewer hide costs of memory that fills."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command.

    ``runs``: the names of the runs to make. ``seconds``: the length of each run. ``short``: leaves
    out what only precision needs. ``plant``: adds an error and a double, which must be reported.
    """

    runs: frozenset[str]
    seconds: int = 5
    repeat: int = 1
    scale: int = 50_000
    seats: int = 1000
    connected: bool = False
    streams: int = 500
    events: int = 20
    messages: int = 10_000
    short: bool = False
    plant: bool = False
    against: Path | None = None
    """A checkout of another version to compare with, in bursts of ``burst`` bookings."""
    starts: int = STARTS
    burst: int = BURST


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _burst(text: str) -> int:
    """A number of bookings that is large enough for a tenth of it to have a median."""
    if (number := _positive(text)) < 100:
        raise argparse.ArgumentTypeError("must be at least 100")
    return number


def _names(text: str) -> frozenset[str]:
    """The names of the runs, with the runs that they are compared with."""
    names = frozenset(text.split(","))
    if unknown := names - set(NAMES):
        raise argparse.ArgumentTypeError(f"no run {', '.join(sorted(unknown))}")
    compared = {other for one, other in PAIRS if one in names}
    return names | compared


def options_of(argv: Sequence[str] | None, description: str | None) -> tuple[Options, bool]:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=description)
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON instead of Markdown")
    add("--only", type=_names, metavar="RUN,…", help=f"of {', '.join(NAMES[1:])}")
    add("--seconds", type=_positive, metavar="N", help="of each run (default: 5)")
    add("--repeat", type=_positive, metavar="N", help="rounds; medians are shown (default: 1)")
    add("--scale", type=_positive, metavar="N", help="past reservations (default: 50000)")
    add("--seats", type=_positive, metavar="N", help="of the rush, at most 2400 (default: 1000)")
    add("--connected", action="store_true", help="the rush's readers are connected before it")
    add("--streams", type=_positive, metavar="N", help="event streams (default: 500)")
    add("--events", type=_positive, metavar="N", help="bookings a second for them (default: 20)")
    add("--messages", type=_positive, metavar="N", help="to deliver (default: 10000)")
    add("--short", action="store_true", help="everything once, as quick as can be: judges only")
    add(
        *("--against",),
        type=lambda folder: Path(folder).resolve(),
        metavar="FOLDER",
        help="compare the version there (set up by its scripts/setup-env) with this one, in bursts "
        "that alternate; --repeat is the number of pairs in a start (3), --only names the runs; a "
        "control compares a version with itself",
    )
    add("--starts", type=_positive, metavar="N", help=f"of each version (default: {STARTS})")
    add(
        *("--burst",),
        type=_burst,
        metavar="N",
        help=f"bookings of such a burst, of lone a tenth (default: {BURST})",
    )
    add("--plant", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    overrides = {
        name: value
        for name, value in vars(args).items()
        if value is not None and name not in ("json", "only")
    }
    options = Options(args.only or frozenset(NAMES))
    if args.short:
        options = replace(options, seconds=1, scale=5_000, seats=400, messages=1_000)
    if args.against is not None:
        overrides.setdefault("repeat", PAIRS_COMPARED)
    return replace(options, **overrides), args.json
