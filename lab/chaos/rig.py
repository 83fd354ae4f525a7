"""The rig of a trial: databases behind links, two hosts, the library, and its readers."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web

from handlers.http.keys import REFERENCE, SESSIONS
from lab.chaos.channels import MailServer, OtherEnd, WeChat, WeCom
from lab.chaos.hosts import Host, RedisServer
from lab.chaos.replica_set import ChaosError, ReplicaSet, replica_set, until
from lab.chaos.sent_messages import openid_of, sent_messages
from lab.history.records import (
    Message,
    Stored,
    StoredParty,
    StoredRoomBooking,
    Violation,
    stored,
    stored_party,
    stored_room_booking,
)
from miniapp_server import seed
from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock, real_now
from miniapp_server.embedded_databases import free_ports
from miniapp_server.keys import RESOURCES
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.identity.api_tokens import ApiToken, Scope
from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from models.messages.entities import WECHAT_TEMPLATES, Channel, Template
from models.policy.entities import OpeningRule, Policy
from models.profile.entities import LibraryProfile
from models.readers.personal_data_repository import A_ROOM_BOOKING
from models.reservation_store.queries import A_RESERVATION
from models.reservations.presence import PresenceMethod
from models.storage.mongo import Database, Document

HOSTS: Final = ("first host", "second host")
AREA: Final = "2f-hall"
_ALONE: Final = "chaos"
_CONSENTS: Final = 10_000
_ALL: Final = dict.fromkeys(Template, True)
POLICY: Final = Policy(
    version=2,
    # The trial runs by the real clock, at any time of day.
    opening=(OpeningRule(time(0), time(23, 59)),),
    step_minutes=30,
    daily_booking_limit=200,
    parties_a_day=10,
    # Short, so that deadlines fall into faults.
    check_in_after_minutes=1,
    extend_within_minutes=120,
    # High, so that readers with violations go on booking; the judge sees the violations.
    violations_limit=1000,
)
_OFTEN: Final = RoomRules(bookings_a_week=20)
_APPROVED, _DECLINED = (replace(_OFTEN, unanswered=answer) for answer in RequestAnswer)
ROOM_RULES: Final[Mapping[str, RoomRules]] = {
    "free-1": _OFTEN,
    "free-2": _OFTEN,
    "buffered": replace(_OFTEN, buffer_minutes=30),
    "for-two": replace(_OFTEN, confirm_minutes=60),
    "approved": _APPROVED,
    "declined": _DECLINED,
}
"""The rooms of a trial, each for two to four people, with their rules. A room for two needs another
person to confirm; a request that nobody answers is approved or declined, by the room's name."""


@dataclass(frozen=True, slots=True)
class Member:
    """A reader with a session's token and their WeChat user."""

    id: str
    token: str


class Members(Protocol):
    """A replica set of three."""

    async def reconfigure(self, settings: Mapping[str, int]) -> None:
        """Changes these settings of the set; all others keep MongoDB's defaults."""

    async def settled(self) -> None:
        """Returns once all members have what the primary has, and rolled back writes are gone."""


class ServingHost(Protocol):
    """Where readers send their requests (``base``)."""

    base: str

    async def ready(self) -> None:
        """Returns once the host is ready."""


@dataclass
class Library:
    """A library that runs, as its readers and its judge need it."""

    hosts: Sequence[ServingHost]
    app: web.Application
    kiosk_keys: Mapping[str, str]
    channels: Mapping[Channel, OtherEnd]
    """The stand-ins for its channels' services."""
    numbers: dict[str, str] = field(default_factory=dict, kw_only=True)
    """The numbers of its readers, by reader."""
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """The headers of all requests to it."""
    tls: ssl.SSLContext | bool = field(default=True, kw_only=True)
    """Which certificates readers accept."""

    @property
    def zone(self) -> Zone:
        return self.app[REFERENCE].zone

    @property
    def db(self) -> Database:
        return self.app[RESOURCES].db

    async def members(self, count: int) -> list[Member]:
        """New readers who have consented to all messages by all channels."""
        stored, now = self.app[RESOURCES].repositories, real_now()

        async def one(_: int) -> Member:
            number = f"C{secrets.token_hex(5)}".upper()
            reader = await stored.readers.upsert_from_login(number, "张三", "student", now)
            self.numbers[reader.id] = number
            await stored.bindings.bind(reader.id, openid_of(reader.id), None, now)
            await stored.email_addresses.follow_campus(reader.id, f"{number.lower()}@rig.test")
            await stored.email_addresses.choose(reader.id, _ALL)
            await stored.message_choices.choose(Channel.WECOM, reader.id, _ALL)
            issued = await self.app[SESSIONS].open_wx(openid_of(reader.id), None, now)
            consents = [
                {"_id": f"{reader.id}:{template}", "reader": reader.id, "remain": _CONSENTS}
                for template in WECHAT_TEMPLATES
            ]
            await self.db["message_consents"].insert_many(consents)
            return Member(reader.id, issued.token)

        return list(await asyncio.gather(*(one(n) for n in range(count))))

    async def desk(self) -> Member:
        """A program with the rights of the desk over reservations."""
        secret, now = self.app[SESSIONS].new_api_token(), real_now()
        scopes = frozenset({Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE})
        until, made_by = now + timedelta(days=30), ReaderId("")
        token = ApiToken("desk", "服务台", scopes, 1_000_000, made_by, now, until)
        await self.app[RESOURCES].repositories.api_tokens.insert(secret, token)
        return Member(token.id, secret)

    @property
    def area_id(self) -> str:
        """The id of the only area."""
        return next(iter(self.app[REFERENCE].catalog.areas))

    def seats(self) -> list[str]:
        """All seats in service."""
        area = next(iter(self.app[REFERENCE].catalog.areas.values()))
        return [seat.id for seat in area.seats if seat.disabled is None]

    async def stored(self) -> list[Stored]:
        """All reservations, read at majority."""
        rows = self.db["reservations"].find(A_RESERVATION)
        return [stored(row) async for row in rows]

    async def parties(self) -> list[StoredParty]:
        """All parties, read at majority."""
        rows = self.db["reservations"].find({"asker": {"$exists": True}})
        return [stored_party(row) async for row in rows]

    async def rooms(self) -> list[StoredRoomBooking]:
        """All bookings of rooms, read at majority."""
        rows = self.db["reservations"].find(A_ROOM_BOOKING)
        return [stored_room_booking(row) async for row in rows]

    async def messages(self) -> list[Message]:
        """The messages about reservations and rooms, as ``sent_messages`` returns them."""
        repositories = self.app[RESOURCES].repositories
        return await sent_messages(self.db, repositories, self.channels, self.numbers)

    def taken(self) -> Mapping[str, int] | None:
        """How often the other ends of the channels have taken each card; None without channels."""
        cards: dict[str, int] = {}
        for end in self.channels.values():
            cards |= end.taken
        return cards if self.channels else None

    async def violations(self) -> list[Violation]:
        rows = self.db["violations"].find()
        return [Violation(row["reservation"], row["reader"], row["kind"]) async for row in rows]

    async def quiet(self, within_s: float) -> None:
        """Returns once all hosts are ready, all outboxes are empty, all people of rooms know what
        has become of them and all messages have ended, or after ``within_s``; the judge finds what
        is missing then."""
        await asyncio.gather(*(host.ready() for host in self.hosts))
        db = self.db

        async def nothing_left() -> bool:
            undispatched: Document = {"outbox.at": {"$type": "date"}}
            untold: Document = {**A_ROOM_BOOKING, "news_due": True}
            return not (
                await db["reservations"].count_documents(undispatched, limit=1)
                or await db["reservations"].count_documents(untold, limit=1)
                or await db["deliveries"].count_documents({"open": True}, limit=1)
            )

        with suppress(ChaosError):
            await until(nothing_left, "empty outboxes", within_s)


@dataclass
class Rig:
    """All running parts. The libraries' connections to the databases bypass the links."""

    set: ReplicaSet
    hosts: list[Host]
    redis: RedisServer
    channels: Mapping[Channel, OtherEnd]
    libraries: list[Library]


@asynccontextmanager
async def rig(folder: Path, workers: int, schools: Sequence[str] = ()) -> AsyncIterator[Rig]:
    """Runs everything during the block, with data and logs in ``folder``.

    The replica set has MongoDB's own time-outs, so that a busy machine causes no election. Each
    host has ``workers`` workers. They serve one library; or, by ``serve --schools``, a library of
    each of these names.
    """
    ports = free_ports(6)
    async with AsyncExitStack() as stack:
        redis = RedisServer(ports[0], folder / "redis")
        wechat, wecom, mail = WeChat(ports[1]), WeCom(ports[4]), MailServer(ports[5])
        channels: dict[Channel, OtherEnd] = {
            Channel.WECHAT: wechat,
            Channel.WECOM: wecom,
            Channel.EMAIL: mail,
        }
        stack.push_async_callback(redis.end)
        for end in channels.values():
            stack.push_async_callback(end.stop)
        await asyncio.gather(redis.start(), *(end.start() for end in channels.values()))
        three = await stack.enter_async_context(replica_set(folder, {}))
        servers = {
            "MONGO_URL": three.url,
            "REDIS_URL": redis.url,
            "WECHAT_BASE_URL": wechat.url,
            "SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "WECOM_BASE_URL": wecom.url,
        }
        # Requests to 127.0.0.1 are for the process itself if it serves schools.
        names = {name: f"127.0.0.{n}" for n, name in enumerate(schools, 2)} or {_ALONE: "127.0.0.1"}
        own = {
            name: _settings(name, f"http://{host}:{ports[2]}", servers)
            for name, host in names.items()
        }
        env, options = {"LOG_LEVEL": "WARNING", "TMPDIR": str(folder)}, ["--workers", str(workers)]
        if schools:
            options += ["--schools", str(_write_files(folder / "schools", own))]
        else:
            env |= own[_ALONE]
        headers = {name: {"Host": host} for name, host in names.items()}
        hosts = [
            Host(name, port, options, env, [*headers.values()], folder / f"{name.split()[0]}.log")
            for name, port in zip(HOSTS, ports[2:4], strict=True)
        ]
        libraries = []
        for name, settings in own.items():
            app = await stack.enter_async_context(open_application(load(settings), Clock()))
            keys = await furnish(app)
            libraries.append(Library(hosts, app, keys, channels, headers=headers[name]))
        for host in hosts:
            three.applications[host.name] = host.pids
            stack.push_async_callback(host.end)
        await asyncio.gather(*(host.start() for host in hosts))
        yield Rig(three, hosts, redis, channels, libraries)


def _settings(name: str, url: str, servers: Mapping[str, str]) -> dict[str, str]:
    """The settings of a library with the rig's servers, and with a database and keys of its own."""
    return {
        **servers,
        "MONGO_DATABASE": name,
        "ENCRYPTION_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "RATE_LIMIT_SCALE": "1000000",
        "PUBLIC_BASE_URL": url,
        "WECHAT_APPID": f"wx{name}",
        "WECHAT_SECRET": secrets.token_hex(8),
        "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
        "MAIL_FROM": "seats@rig.test",
        "IDENTITY_PROVIDER": "wecom",
        "WECOM_CORP_ID": f"ww{name}",
        "WECOM_AGENT_ID": "1",
        "WECOM_SECRET": secrets.token_hex(8),
        "WECOM_MESSAGES": "1",
        # Required, but no reader signs in by CAS.
        "CAS_BASE_URL": "http://127.0.0.1:9/cas",
    }


def _write_files(folder: Path, schools: Mapping[str, Mapping[str, str]]) -> Path:
    """The folder, with a file of the settings of each school."""
    folder.mkdir()
    for name, settings in schools.items():
        lines = (f"{setting}='{value}'\n" for setting, value in settings.items())
        (folder / f"{name}.env").write_text("".join(lines))
    return folder


async def furnish(app: web.Application) -> Mapping[str, str]:
    """Gives the empty database a library with one area, a few rooms and rules for trials. Returns
    the keys of its kiosks."""
    stored, reference = app[RESOURCES].repositories, app[REFERENCE]
    library = seed.read()
    # It is noon at the library, whatever the hour is: near midnight readers could neither stay
    # nor renew.
    minutes = 60 * (12 - real_now().hour)
    await stored.profiles.add_missing(LibraryProfile(zone="trial", zone_minutes=minutes))
    areas = tuple(a for a in library.areas if a.id == AREA)
    library = replace(library, areas=areas, rooms=_rooms(library.venue.id))
    keys, _ = await seed.seed(stored, reference, library, real_now())
    await stored.policies.add_missing(POLICY, real_now())
    await reference.refresh()
    # As if the kiosks had been used: only then is a no-show a violation.
    await stored.presence_methods.put(library.venue.id, PresenceMethod.KIOSK_CODE, real_now())
    return keys


def _rooms(venue: VenueId) -> tuple[Room, ...]:
    return tuple(
        Room(RoomId(id), venue, id, 2, 2, 4, rules=rules) for id, rules in ROOM_RULES.items()
    )
