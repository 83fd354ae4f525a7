"""A whole service on a real port with real databases and the sandbox, and a clock that tests
move."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import aiohttp
from aiohttp import FormData, web
from yarl import URL

from bind.session_service import SessionService
from handlers.http.keys import SECURITY_LOG, SESSIONS
from miniapp_server.app import create_app
from miniapp_server.cli.settings import load, plug_of
from miniapp_server.clock import Clock
from miniapp_server.connections import LIMITS, ConnectionLimits, connections
from miniapp_server.embedded_databases import free_ports
from miniapp_server.keys import RESOURCES, SCHEDULER
from miniapp_server.listener import Listener
from miniapp_server.resources import Resources
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.scheduler import Scheduler
from miniapp_server.settings import Settings
from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.storage.mongo import Database, open_database
from tests.codes_seen import recorder
from tests.inside import Inside
from tests.second_venue import add_second_venue
from tests.spare_databases import SPARES, as_it_is, restore

MONDAY_8: Final = datetime.fromisoformat("2026-09-07T08:00:00+08:00")
ENCRYPTION_KEYS: Final = "1:" + base64.b64encode(b"k" * 32).decode()
SEAT: Final = "2f-hall-065"

_NO_BOOKS: Final = frozenset(
    {"kiosks", "gates", "heartbeat", "leases", "sessions", "attempt_limits", "audit", "api_tokens"}
)

_MEASURED: Final = timedelta(seconds=1)
"""By so much a measurement of MongoDB's time may put a clock back."""

_numbers = itertools.count(21070001)


class ForwardClock(Clock):
    """A clock that notes when it is read and shows an earlier time than before.

    Jobs that have seen a later time have ended sessions and bookings by it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._latest: datetime | None = None
        self.went_back: list[str] = []

    def begin(self) -> None:
        """From now on time may not go back."""
        self._latest = super().now()

    def end(self) -> None:
        """From now on time may go back: that is what the test is about."""
        self._latest = None

    def now(self) -> datetime:
        now = super().now()
        if self._latest is not None:
            if now < self._latest - _MEASURED:
                self.went_back.append(f"{self._latest} → {now}")
            self._latest = max(now, self._latest)
        return now


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """The error's code, or an empty string."""
        return str(self.body["error"]["code"]) if self.status >= 400 else ""

    @property
    def details(self) -> Any:
        return self.body["error"]["details"]


@dataclass(slots=True)
class Client:
    """A caller with a token or a cookie jar of its own."""

    service: Living
    session: aiohttp.ClientSession
    name: str
    number: str
    token: str = ""
    reader_id: ReaderId = field(default_factory=lambda: ReaderId(""))

    @property
    def openid(self) -> str:
        return f"o-{self.name}"

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """``path`` is below /api/v1 unless it begins with //, which stands for the root.

        ``body`` is sent as JSON; bytes and forms are sent unchanged.
        """
        url = path[1:] if path.startswith("//") else f"/api/v1{path}"
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        raw = isinstance(body, bytes | FormData)
        async with self.session.request(
            method,
            # Encoded already, so that tests can send what no client library would.
            URL(self.service.base + url, encoded=True),
            data=body if raw else None,
            json=None if raw else body,
            headers=headers,
            allow_redirects=False,
        ) as response:
            kind = response.content_type
            parsed = await response.json() if kind == "application/json" else await response.text()
            return Answer(response.status, parsed, response.headers)

    async def refused(
        self, expected: str, method: str, path: str, body: object = None, **headers: str
    ) -> Answer:
        """A call that must fail with this status and code, and must change no document."""
        before = await self.service.books()
        answer = await self.call(method, path, body, **headers)
        place = (expected, method, path, body)
        assert f"{answer.status} {answer.code}" == expected, (*place, answer.status, answer.body)
        assert await self.service.books() == before, place
        error = answer.body["error"]
        assert list(error) == ["code", "message", "details"], place
        assert error["message"] and not set("{}") & set(error["message"]), place
        if answer.status in (429, 503):
            assert int(answer.headers["Retry-After"]) >= 1, place
        return answer

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, None, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, **headers)

    async def ok(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The body of a successful call."""
        answer = await self.call(method, path, body, **headers)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.body

    async def reserve(
        self, seat: str = SEAT, start: str = "14:00", end: str = "16:00", date: str | None = None
    ) -> Any:
        """A successful reservation, today unless ``date`` is given."""
        day = date or self.service.today
        wish = {"seat_id": seat, "date": day, "start": start, "end": end}
        return await self.ok("POST", "/reservations", wish)

    async def accept(self, *templates: str) -> None:
        await self.ok("POST", "/subscriptions", {"results": dict.fromkeys(templates, "accept")})

    async def messages(self) -> list[dict[str, Any]]:
        """The messages that WeChat delivered to this reader's phone, oldest first."""
        messages = await self.ok("GET", f"//sandbox/messages?openid={self.openid}")
        return list(messages["items"])


@dataclass(slots=True)
class Living:
    base: str
    app: web.Application
    clock: Clock
    resources: Resources = field(init=False)
    inside: Inside = field(init=False)
    db: Database = field(init=False)
    settings: Settings = field(init=False)
    scheduler: Scheduler = field(init=False)
    sessions: SessionService = field(init=False)
    anonymous: Client = field(init=False)
    forward_clock: ForwardClock = field(default_factory=ForwardClock)
    """The clock, unless the test has brought its own."""
    jobs: bool = False
    """True if jobs run by themselves."""
    staff_at_work: bool = True
    """While the clock is moved the staff go on working, so that their roles do not end."""
    _sessions: list[aiohttp.ClientSession] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.resources = self.app[RESOURCES]
        self.db, self.settings = self.resources.db, self.resources.settings
        self.inside = Inside(self.app, self.db, self.resources.repositories)
        self.scheduler, self.sessions = self.app[SCHEDULER], self.app[SESSIONS]

    @property
    def today(self) -> str:
        return self.clock.now().astimezone(MONDAY_8.tzinfo).date().isoformat()

    @property
    def tomorrow(self) -> str:
        later = self.clock.now() + timedelta(days=1)
        return later.astimezone(MONDAY_8.tzinfo).date().isoformat()

    def stranger(self) -> Client:
        """A caller without token or cookies."""
        session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._sessions.append(session)
        return Client(self, session, f"n{uuid4().hex[:8]}", str(next(_numbers)))

    async def reader(self) -> Client:
        """A reader with a bound WeChat user, made in the store (the story test binds by HTTP)."""
        client, now, stored = self.stranger(), self.clock.now(), self.inside.stored
        reader = await stored.readers.upsert_from_login(client.number, "张三", "student", now)
        await stored.bindings.bind(reader.id, client.openid, None, now)
        client.token = (await self.sessions.open_wx(client.openid, None, now)).token
        client.reader_id = reader.id
        return client

    async def phone_of(self, person: Client) -> Client:
        """The reader's phone, bound."""
        client, now = self.stranger(), self.clock.now()
        client.number, client.reader_id = person.number, person.reader_id
        await self.inside.stored.bindings.bind(client.reader_id, client.openid, None, now)
        client.token = (await self.sessions.open_wx(client.openid, None, now)).token
        return client

    async def wx_user(self) -> Client:
        """A WeChat user who has signed in and is not bound."""
        client = self.stranger()
        issued = await self.sessions.open_wx(client.openid, None, self.clock.now())
        client.token = issued.token
        return client

    async def web_reader(self, client: Client | None = None, role: Role | None = None) -> Client:
        """A reader with a web session (its bearer token): the person of ``client``, if given, with
        the staff role, if given."""
        new, now = self.stranger(), self.clock.now()
        new.number = client.number if client else new.number
        person = ("林静怡", "staff") if role is not None else ("张三", "student")
        reader = await self.inside.stored.readers.upsert_from_login(new.number, *person, now)
        new.reader_id = reader.id
        issued = await self.sessions.open_web(reader.id, f"ST-{uuid4()}", now, role)
        new.token = issued.token
        return new

    async def move(self, to: str | timedelta) -> None:
        """Moves the clock, running all due jobs: to ``HH:MM`` of today, or ahead by a duration."""
        if isinstance(to, timedelta):
            body: dict[str, object] = {"advance_seconds": to.total_seconds()}
        else:
            body = {"now": f"{self.today}T{to}:00+08:00"}
        await self.anonymous.ok("POST", "//sandbox/clock", body)
        await self._use_roles()

    async def _use_roles(self) -> None:
        if self.staff_at_work:
            now = self.clock.now()
            used = {"role.used_at": now, "role.since": now}
            await self.db["sessions"].update_many(
                {"role.name": {"$type": "string"}}, {"$set": used}
            )
            self.sessions.invalidate_all()

    async def jump(self, to: str) -> None:
        """Sets the clock to ``HH:MM[:SS]`` of today without running due jobs.

        The heartbeat records no downtime.
        """
        await self.leap(datetime.fromisoformat(f"{self.today}T{to}+08:00"))

    async def leap(self, to: datetime | timedelta) -> None:
        """Sets the clock as ``jump`` does, to an instant or ahead by a duration. It may go back as
        long as no job has seen the later time."""
        if not self.jobs:
            self.forward_clock.end()
        instant = to if isinstance(to, datetime) else self.clock.now() + to
        offset = self.clock.set(instant)
        await SandboxState(self.db).set_offset(offset)
        await self.inside.stored.heartbeat.set(instant)
        self.clock.offset = offset  # a look at what stood before may have put it back meanwhile
        self.forward_clock.begin()
        await self._use_roles()

    async def books(self) -> dict[str, str]:
        """A digest of each collection about readers, which a refused request must not change.
        MongoDB computes it in one round trip.

        Without the library, which requests only read, counters, leases, sessions, and the audit
        log, which also records refusals.
        """
        names = [
            name
            for name in await self.db.list_collection_names()
            if name not in _NO_BOOKS and not name.startswith("sandbox_")
        ]
        digest = await self.db.command({"dbHash": 1, "collections": names})
        return dict(digest["collections"])

    async def all_documents(self) -> str:
        """Every document of the service as text, to search for forbidden content."""
        names = await self.db.list_collection_names()
        ours = [name for name in names if not name.startswith("sandbox_")]
        rows = [await self.db[name].find().to_list(None) for name in ours]
        return json.dumps(rows, default=str, ensure_ascii=False)

    async def settle(self, jobs: Collection[str] | None = None) -> None:
        """Runs the jobs for this moment: deadlines, the outbox, deliveries and the rest, or only
        the named ones."""
        now, heartbeat = self.clock.now(), self.inside.stored.heartbeat
        last, gaps = await heartbeat.state()
        if last is not None and not gaps and now - last < timedelta(seconds=30):
            await heartbeat.set(now)  # a busy machine is no downtime
        await self.scheduler.run_until_idle(now, jobs)

    async def qr(self, kiosk: str = "2f-south") -> str:
        """The kiosk's current code."""
        keys = (await self.anonymous.ok("GET", "//sandbox/kiosks"))["items"]
        key = next(item["key"] for item in keys if item["id"] == kiosk)
        code = await self.anonymous.ok("GET", f"/kiosks/{kiosk}/code", **{"X-Kiosk-Key": key})
        return str(code["payload"])

    async def close(self) -> None:
        for session in self._sessions:
            await session.close()


def free_port() -> int:
    """A port of 127.0.0.1 that is reserved for a server of this test."""
    [port] = free_ports(1)
    return port


@asynccontextmanager
async def living(
    mongo_url: str,
    redis_url: str,
    *,
    now: datetime = MONDAY_8,
    jobs: bool = False,
    database: str | None = None,
    clock: Clock | None = None,
    lan: str = "",
    limits: ConnectionLimits = LIMITS,
    **env: str,
) -> AsyncIterator[Living]:
    """The service on a database of its own, with the demo library in a sandbox and empty otherwise,
    its clock at ``now``.

    Without ``jobs`` no job runs by itself: ``move`` and ``settle`` run the due ones.
    """
    port = free_port()
    sandbox = env.keys().isdisjoint({"CAS_BASE_URL", "OIDC_PROVIDERS"})
    spares = SPARES[mongo_url, env.get("ENCRYPTION_KEYS", ""), sandbox]
    spare = spares.pop() if spares and database is None else None
    name = database or (spare.name if spare else f"t{uuid4().hex[:16]}")
    settings = load(
        {
            "SANDBOX": "1" if sandbox else "",
            "PORT": str(port),
            "MONGO_URL": mongo_url,
            "REDIS_URL": redis_url,
            "MONGO_DATABASE": name,
            "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
            # Where others could reach it a scale is refused.
            "RATE_LIMIT_SCALE": "1" if "PUBLIC_BASE_URL" in env else "1000",
            "LOG_LEVEL": "ERROR",
            # Nobody is there: readers have no address until a test brings a mail server.
            **({} if sandbox else {"PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}),
            **(
                {"SMTP_URL": "smtp://127.0.0.1:9", "MAIL_FROM": "seats@lib.test"} if sandbox else {}
            ),
            **env,
        },
        lan,
    )
    forward_clock = ForwardClock()
    clock = clock or forward_clock
    unlisted: set[str] = set()
    async with create_app(settings, clock, jobs=jobs, plug=plug_of(settings)) as app:
        app.middlewares.insert(0, recorder(unlisted))
        if sandbox and spare is None:
            await seed_demo(app)
            await add_second_venue(app)
        if database is None and spare is None:
            spare = await as_it_is(app[RESOURCES].db)
        # Before any job runs: one that had read the later time would end the test's sessions.
        forward = sandbox and now > clock.now()
        if not forward:
            offset = clock.set(now)
            if sandbox:
                await app[RESOURCES].repositories.heartbeat.set(now)
                await SandboxState(app[RESOURCES].db).set_offset(offset)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        assert runner.server is not None
        listener = Listener(
            connections(runner.server, app[SECURITY_LOG].hash_of, limits),
            settings.host,
            port,
            shared=False,
            unread_s=limits.unread_s,
        )
        service = Living(settings.public_base_url, app, clock, forward_clock, jobs)
        service.anonymous = service.stranger()
        try:
            if forward:
                await service.anonymous.ok("POST", "//sandbox/clock", {"now": now.isoformat()})
            forward_clock.begin()
            yield service
            assert not forward_clock.went_back, "time went back in this test"
            assert not unlisted, f"OpenAPI does not list {sorted(unlisted)}"
        finally:
            await service.close()
            listener.close()
            await runner.cleanup()
    # Now that nothing of the service writes any more. What a failed test left is not used again.
    if spare is not None:
        async with open_database(mongo_url, name) as db:
            await restore(db, spare)
        spares.append(spare)
