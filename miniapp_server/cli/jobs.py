"""``job``: one job, once, by hand."""

from __future__ import annotations

import argparse

from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Commands, Env, add_command


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``job``."""
    job = add_command(commands, "job", _job, "Run one job once, as its loop would.")
    job.add_argument(
        "name",
        metavar="NAME",
        help="record_heartbeat, outages, relay_watch, beat, gates, no_show, lapse, unproven, time_out, "
        "complete, carry_over, offer, remind, relay, deliver, prune, tally, migrate or refresh",
    )


async def _job(env: Env, args: argparse.Namespace) -> None:
    async with application(env) as parts:
        job = parts.runner.job(args.name)
        if job is None:
            names = ", ".join(parts.runner.job_names)
            raise CommandError(f"no job {args.name!r}; there are {names}")
        if trouble := parts.clock_check.trouble:
            raise CommandError(
                f"this machine's clock is {trouble} by MongoDB's: set it (NTP) first"
            )
        now = parts.clock.now()
        # A service that was down must not punish: the gap is seen before any deadline is.
        before = parts.runner.job("record_heartbeat")
        if before is not None and job.name in ("no_show", "time_out"):
            await before.run(now)
        print(f"{job.name}: {await job.run(now)}")
