from __future__ import annotations

from handlers.http.keys import CLOCK
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.keys import CLOCK_CHECK, SCHEDULER


async def job(env: Env, name: str) -> None:
    """Run one job once and print the number of its effects. Raises: CommandError."""
    async with application(env) as app:
        selected = app[SCHEDULER].job(name)
        if selected is None:
            names = ", ".join(app[SCHEDULER].job_names)
            raise CommandError(f"there is no job {name!r}; jobs are {names}")
        if trouble := app[CLOCK_CHECK].trouble:
            raise CommandError(f"this machine's clock is {trouble}: set it (NTP) first")
        now = app[CLOCK].now()
        # An outage must not cause violations: record the gap before any deadline is judged.
        before = app[SCHEDULER].job("heartbeat")
        if before is not None and selected.name in ("no_show", "expire_leaves"):
            await before.run(now)
        print(f"{selected.name}: {await selected.run_once(now)}")
