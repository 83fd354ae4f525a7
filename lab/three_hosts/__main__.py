"""Plays docs/deployment.md's recipe of three hosts, loses each of them, and judges the result.

``scripts/three-hosts --help`` lists the options; docs/operations.md explains the table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lab.chaos.links import family
from lab.chaos.replica_set import ChaosError
from lab.chaos.trial import all_harm, trial
from lab.three_hosts.files import lay_out_names
from lab.three_hosts.play import LONG, NAMES, SHORT, campus, planted, refused_s, table
from miniapp_server.clock import real_now

_SHOWN: Final = 12
_NEEDS: Final = {
    "unshare": "util-linux", "setpriv": "util-linux", "mount": "mount", "ip": "iproute2",
    "openssl": "openssl", "age-keygen": "age", "curl": "curl", "nginx": "nginx",
    "keepalived": "keepalived", "valkey-check-rdb": "valkey-tools",
}  # fmt: skip
"""The programs of the recipe, with Debian's packages."""
_SPACES: Final = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/three-hosts",
        description="Starts three hosts as docs/deployment.md makes them, each in network "
        "namespaces of its own with 1 to 5 ms between them: a member of the replica set, Valkey, "
        "the service, nginx and keepalived. Loses each host and a link in turn while readers book "
        "and check in through the shared address, and compares the answers with the stored data. "
        "Then makes a backup and rehearses it. Needs root and /dev/net/tun. Exits with status 1 "
        "if an acknowledged change is lost or other harm is found, or if no booking succeeds for "
        "longer than the limit.",
    )
    parser.add_argument("--short", action="store_true", help="quick elections and few readers")
    parser.add_argument(
        "--fault", action="append", choices=NAMES, metavar="NAME",
        help="cause only this fault; may be repeated: " + ", ".join(NAMES),
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=float, default=30, metavar="S",
        help="longest time in seconds without an acknowledged booking (30)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the readers (1)")
    parser.add_argument(
        "--plant", action="store_true",
        help="judge a history in which a booking was lost and one was doubled: a control",
    )  # fmt: skip
    parser.add_argument("--keep", metavar="FOLDER", help="leave data and logs there (a new folder)")
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


async def _play(args: argparse.Namespace, folder: Path) -> int:
    whole = asyncio.current_task()
    assert whole is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, whole.cancel)
    scale = SHORT if args.short else LONG

    def report(name: str) -> None:
        print(f"{real_now():%H:%M:%S} {name}", flush=True)

    report("start")
    async with campus(folder, scale) as running:
        report("load")
        names = args.fault or NAMES
        faults = running.faults()
        (history,) = await trial(
            running.set, [running], faults, [names], scale, args.seed, report=report
        )
        report("backup")
        print((await running.backed_up()).rstrip())
        if args.plant:
            history = planted(history)
        harm = all_harm(history)
    print(table(running, history, harm))
    for one in harm[:_SHOWN]:
        print(f"{one.kind} ({one.fault}): {one.text}")
    late = {name: s for name, s in refused_s(history).items() if s > args.limit}
    for name, seconds in late.items():
        print(f"{name}: no booking for {seconds:.1f} s, the limit is {args.limit:g} s")
    return 1 if harm or late else 0


def _inside(args: argparse.Namespace) -> int:
    """Plays in the namespaces that ``_outside`` has made for the readers."""
    try:
        return asyncio.run(_play(args, Path(args.inside)))
    except (ChaosError, OSError) as error:
        print(f"scripts/three-hosts: {error}", file=sys.stderr)
        return 2
    except asyncio.CancelledError:
        return 130


def _outside(argv: Sequence[str], folder: Path) -> int:
    """Makes the readers' namespaces, plays in them, and returns the status. However it ends, the
    kernel ends all processes of these namespaces, and with them the namespaces."""
    names = folder / "hosts"
    lay_out_names(names)
    inner = (sys.executable, "-m", "lab.three_hosts", *argv, "--inside", str(folder))
    script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
    spaces = ("setpriv", "--pdeathsig", "KILL", "unshare", *_SPACES, "--")
    play = subprocess.Popen(
        [*spaces, "sh", "-c", script, "sh", str(names), *inner], start_new_session=True
    )

    def end(*_: object) -> None:
        for process in family(play.pid)[1:2]:  # which drains
            os.kill(process, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return play.wait()


def _missing() -> str:
    packages = sorted({package for name, package in _NEEDS.items() if not shutil.which(name)})
    if packages:
        return f"missing (Debian: apt-get install {' '.join(packages)})"
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        return "needs root and /dev/net/tun"
    return ""


def main(argv: Sequence[str] | None = None) -> int:
    """Plays the recipe. Returns the exit status."""
    args = _arguments(argv)
    if args.inside:
        return _inside(args)
    if missing := _missing():
        print(f"scripts/three-hosts: {missing}", file=sys.stderr)
        return 2
    words = sys.argv[1:] if argv is None else argv
    if args.keep:
        folder = Path(args.keep).resolve()
        folder.mkdir(parents=True)
        return _outside(words, folder)
    with tempfile.TemporaryDirectory(prefix="hosts-", ignore_cleanup_errors=True) as name:
        return _outside(words, Path(name))


if __name__ == "__main__":
    sys.exit(main())
