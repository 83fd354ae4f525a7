"""Application keys of objects that belong to no feature, for commands, plugs and tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from miniapp_server.clock import ClockCheck
from miniapp_server.resources import Resources
from miniapp_server.scheduler import Scheduler
from miniapp_server.zone_check import ZoneCheck
from models.storage.session_revocations import SessionRevocations

ZONE_CHECK: Final = web.AppKey("zone_check", ZoneCheck)
CLOCK_CHECK: Final = web.AppKey("clock_check", ClockCheck)
RESOURCES: Final = web.AppKey("resources", Resources)
"""The open databases, clients and repositories, for commands, plugs and tests. Services get what
they need from the wiring."""
REVOCATIONS: Final = web.AppKey("revocations", SessionRevocations)
SCHEDULER: Final = web.AppKey("scheduler", Scheduler)
SHUTDOWN: Final[web.AppKey[Callable[[], Awaitable[None]]]] = web.AppKey("shutdown")
"""The function that stops the delivery workers at shutdown: these workers send messages even
while none of their jobs runs."""
