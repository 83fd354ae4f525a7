"""``job``: one job, once, by hand."""

from __future__ import annotations

import argparse

from handlers.http.keys import CLOCK
from miniapp_server.app import CLOCK_CHECK, SCHEDULER
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Commands, Env, add_command


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``job``."""
    job = add_command(commands, "job", _job, "Run one job once, as its loop would.")
    job.add_argument(
        "name",
        metavar="NAME",
        help="heartbeat, outages, score_kiosk_scans, beat, gates, no_show, expire_offers, "
        "fail_presence_checks, expire_leaves, complete, carry_over, offer_free_seats, "
        "send_reminders, dispatch_outbox, deliver_wechat, deliver_email, deliver_wecom, "
        "check_texts, prune, aggregate_statistics, forecast, migrate or refresh",
    )


async def _job(env: Env, args: argparse.Namespace) -> None:
    async with application(env) as app:
        job = app[SCHEDULER].job(args.name)
        if job is None:
            names = ", ".join(app[SCHEDULER].job_names)
            raise CommandError(f"no job {args.name!r}; there are {names}")
        if trouble := app[CLOCK_CHECK].trouble:
            raise CommandError(
                f"this machine's clock is {trouble} by MongoDB's: set it (NTP) first"
            )
        now = app[CLOCK].now()
        # A service that was down must not punish: the gap is seen before any deadline is.
        before = app[SCHEDULER].job("heartbeat")
        if before is not None and job.name in ("no_show", "expire_leaves"):
            await before.run(now)
        print(f"{job.name}: {await job.run(now)}")
