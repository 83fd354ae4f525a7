"""python -m lab.proof: tries to break the two promises in five ways, and writes a report.

``scripts/prove --help`` lists the options; docs/proof.md explains each part.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from lab.proof.parts import PARTS, days
from lab.proof.report import page
from miniapp_server.clock import real_now
from miniapp_server.packaged_proof import PACKAGED, running_commit
from miniapp_server.version import VERSION
from models.proof.entities import Proof

ROOT: Final = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the parts. Returns the exit status: 0 if all passed, 1 if harm was found, 2 if the
    result could not be packaged."""
    args = _arguments(argv)
    if args.seed is not None:
        part = days(_say, args.seed, 1)
        print(*part.failures or ("nothing was found",), sep="\n")
        return 0 if part.passed else 1
    commit = running_commit()  # before the run: there may be commits meanwhile
    parts = []
    for name in args.only or PARTS:
        _say(f"{name}: {(PARTS[name].__doc__ or '').strip()}")
        part = PARTS[name](_say)
        parts.append(part)
        numbers = ", ".join(f"{key} {value:,}" for key, value in part.numbers.items())
        _say(f"{name}: {'passed' if part.passed else 'FAILED'} in {part.seconds:.0f} s: {numbers}")
        for text in part.failures:
            print(text, flush=True)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    proof = Proof(VERSION, commit, real_now(), machine, tuple(parts))
    args.to.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(proof))
    (args.to / "proof.json").write_bytes(encoded + b"\n")
    (args.to / "proof.html").write_text(page(proof), encoding="utf-8")
    print(f"{args.to / 'proof.html'} and proof.json: {'passed' if proof.passed else 'FAILED'}")
    if args.package:
        if not commit or len(parts) < len(PARTS):
            print("not packaged: only a whole result of a commit is", file=sys.stderr)
            return 2
        PACKAGED.write_bytes(encoded + b"\n")
    return 0 if proof.passed else 1


def _say(text: str) -> None:
    print(f"{real_now():%H:%M:%S} {text}", flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/prove",
        description="Tries in five ways to give a seat twice or to lose an acknowledged change: a "
        "recorded run of the real service under faults, every interleaving of small "
        "scenarios, a thousand simulated days, planted mistakes, and a million checked calls. It "
        "takes about forty minutes on two cores, and uses only this machine. Exits with status 1 "
        "if a check fails.",
    )
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), metavar="PART",
        help="run only this part; may be repeated: " + ", ".join(PARTS),
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, metavar="S", help="run only the simulated day of this seed"
    )
    parser.add_argument(
        "--to", type=Path, default=ROOT / "proof-report", metavar="FOLDER",
        help="folder to which proof.html and proof.json are written (proof-report)",
    )  # fmt: skip
    parser.add_argument(
        "--package", action="store_true", help="also put the result where /about/proof shows it"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
