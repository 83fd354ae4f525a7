"""Breaks one thing after the other under load, and judges the result.

``scripts/chaos --help`` lists the options; docs/operations.md explains the table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from lab.chaos.faults import NAMES, faults
from lab.chaos.replica_set import ChaosError
from lab.chaos.rig import rig
from lab.chaos.trial import LONG, SHORT, all_harm, table, trial
from miniapp_server.clock import real_now

_SHOWN: Final = 12


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description="Starts three members of a replica set behind proxies, Redis, a stand-in for "
        "WeChat and two hosts of the service, all on this machine; breaks one thing after the "
        "other while readers book, change, cancel and check in; and compares the responses with "
        "the stored data. Exits with status 1 if an acknowledged change is lost or other "
        "harm is found.",
    )
    parser.add_argument(
        "--minutes", type=float, default=10, metavar="N", help="duration in minutes (10)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=None,
        metavar="S",
        help="seed of the order of faults and of the readers' actions",
    )
    parser.add_argument(
        "--fault", action="append", choices=NAMES, metavar="NAME",
        help="cause only this fault; may be repeated: " + ", ".join(NAMES),
    )  # fmt: skip
    parser.add_argument("--short", action="store_true", help="quick elections, each fault once")
    parser.add_argument(
        "--json", action="store_true", help="the harm as JSON lines behind the table"
    )
    parser.add_argument("--keep", metavar="FOLDER", help="leave data and logs there (a new folder)")
    args = parser.parse_args(argv)
    if not 0 < args.minutes <= 24 * 60:
        parser.error("--minutes: more than 0, at most 1440")
    return args


async def _main(args: argparse.Namespace, folder: Path) -> int:
    seed = args.seed if args.seed is not None else int(time.monotonic() * 1000) % 100_000
    print(f"seed {seed}", flush=True)
    scale, ends = SHORT if args.short else LONG, time.monotonic() + 60 * args.minutes
    names, order = args.fault or list(NAMES), random.Random(seed)
    whole = asyncio.current_task()
    assert whole is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, whole.cancel)
    async with rig(folder, scale.workers) as running:

        def rounds() -> Iterator[list[str]]:
            while True:
                yield order.sample(names, len(names))
                if args.short:
                    return

        def report(name: str) -> None:
            print(f"{real_now():%H:%M:%S} {name}", flush=True)

        (history,) = await trial(
            running.set,
            running.libraries,
            faults(running),
            rounds(),
            scale,
            seed,
            lambda _: time.monotonic() >= ends,
            report,
        )
        harm = all_harm(history)  # by the rig's own hours
    print(table(history, harm))
    for one in harm if args.json else harm[:_SHOWN]:
        line = {"kind": one.kind, "fault": one.fault, "text": one.text}
        print(json.dumps(line) if args.json else f"{one.kind} ({one.fault}): {one.text}")
    return 1 if harm else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a trial. Returns the exit status."""
    args = _arguments(argv)
    try:
        if args.keep:
            folder = Path(args.keep).resolve()
            folder.mkdir(parents=True)
            return asyncio.run(_main(args, folder))
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as name:
            return asyncio.run(_main(args, Path(name)))
    except (ChaosError, OSError) as error:
        print(f"scripts/chaos: {error}", file=sys.stderr)
        return 2
    except asyncio.CancelledError:
        return 130


if __name__ == "__main__":
    sys.exit(main())
