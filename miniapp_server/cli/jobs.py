"""``job``: one job, once, by hand."""

from __future__ import annotations

from handlers.http.keys import CLOCK
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.keys import CLOCK_CHECK, SCHEDULER


async def job(env: Env, name: str) -> None:
    """Run it and print what it did. Raises: CommandError."""
    async with application(env) as app:
        found = app[SCHEDULER].job(name)
        if found is None:
            names = ", ".join(app[SCHEDULER].job_names)
            raise CommandError(f"no job {name!r}; there are {names}")
        if trouble := app[CLOCK_CHECK].trouble:
            raise CommandError(
                f"this machine's clock is {trouble} by MongoDB's: set it (NTP) first"
            )
        now = app[CLOCK].now()
        # A service that was down must not punish: the gap is seen before any deadline is.
        before = app[SCHEDULER].job("heartbeat")
        if before is not None and found.name in ("no_show", "expire_leaves"):
            await before.run(now)
        print(f"{found.name}: {await found.run_once(now)}")
