from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from bind.providers.base import CampusClient, IdentityProvider
from bind.providers.campus_ticket import CampusTicketProvider
from bind.providers.cas import CasProvider
from bind.providers.cas_client import CasClient
from bind.providers.cas_xml import AttributeNames
from bind.providers.oidc import OidcProvider
from bind.providers.wecom import WeComProvider
from bind.sign_ons import CAS_ID, SignOn, SignOns
from handlers.accounts.login import ENTRY_PATH, OIDC_PATH, SERVICE_PATH
from miniapp_server.clock import Clock
from miniapp_server.repositories import Repositories
from miniapp_server.settings import Settings
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.schema.indexes import ensure_indexes
from models.storage.connectivity import require_mongo
from models.storage.installation import Mode, admit_database, note_address
from models.storage.mongo import Database, OpenDatabase, open_database
from models.storage.redis import Redis, open_redis
from models.storage.redis_names import RedisNames, redis_names
from models.wechat.access_token_repository import AccessTokenStore
from notify.email.smtp_client import SmtpClient
from notify.outgoing_calls import OutgoingCalls
from notify.webhooks.client import WebhookClient
from notify.wechat.mini_program import MiniProgramClient
from notify.wechat.official_account import OfficialAccount
from notify.wecom.client import WeComClient

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MongoAccess:
    """How an application reaches its database and the changes of its reservations."""

    open_database: OpenDatabase
    change_stream: Callable[[Database, str], ReservationChangeStream]


ALONE: Final = MongoAccess(open_database, ReservationChangeStream)
"""The access of an application that shares no client with others."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The open databases, clients and repositories. Only the wiring uses this object."""

    settings: Settings
    clock: Clock
    db: Database
    redis: Redis
    redis_names: RedisNames
    repositories: Repositories
    mini_program: MiniProgramClient
    smtp: SmtpClient | None
    """None if the library sends no mail."""
    official_account: OfficialAccount | None
    sign_ons: SignOns
    wecom: WeComClient | None
    """None if the campus does not use WeCom."""
    campus_app: IdentityProvider | None
    """Identity provider of the campus's app; None if the app uses the library's first sign-on."""

    webhooks: WebhookClient

    @property
    def outgoing_calls(self) -> list[OutgoingCalls]:
        """The measurements of all clients that use HTTP."""
        clients = (self.mini_program, self.wecom, self.official_account)
        calls = [client.calls for client in clients if client is not None]
        calls += [sign_on.provider.calls for sign_on in self.sign_ons]
        if isinstance(self.campus_app, CampusClient):
            calls.append(self.campus_app.calls)
        return calls


@asynccontextmanager
async def open_resources(
    settings: Settings, clock: Clock, mongo: MongoAccess
) -> AsyncIterator[Resources]:
    """Opens the databases and clients and creates the indexes. Raises: DatabaseRefused if the
    database is not this service's, before anything is written; MongoUnusable."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        db = await enter(mongo.open_database(settings.mongo_url, settings.database))
        await require_mongo(db, settings.mongo_url)
        await admit_database(db, settings.mode, settings.sealer)
        pages_at = settings.public_base_url
        if settings.mode is Mode.PRODUCTION and (before := await note_address(db, pages_at)):
            log.warning("pages_moved", extra={"before": before, "now": pages_at})
        redis = await enter(open_redis(settings.redis_url))
        repositories = Repositories(db, settings.sealer, mongo.change_stream)
        entry = settings.entry
        wecom = await enter(WeComClient(entry.wecom)) if entry.wecom is not None else None
        resources = Resources(
            settings=settings,
            clock=clock,
            db=db,
            redis=redis,
            redis_names=await redis_names(db),
            repositories=repositories,
            mini_program=await enter(
                MiniProgramClient(
                    base_url=settings.wechat.base_url,
                    appid=settings.wechat.appid,
                    secret=settings.wechat.secret,
                    shared_tokens=AccessTokenStore(redis, settings.wechat.base_url),
                )
            ),
            smtp=await enter(SmtpClient(settings.smtp)) if settings.smtp is not None else None,
            official_account=await _official_account(settings, redis, enter),
            sign_ons=await _sign_ons(settings, clock, repositories, enter),
            wecom=wecom,
            campus_app=await _campus_app(settings, wecom, enter),
            webhooks=await enter(WebhookClient(settings.webhook_networks)),
        )
        await ensure_indexes(db)
        yield resources


async def _official_account(
    settings: Settings, redis: Redis, enter: Callable[..., Awaitable[Any]]
) -> OfficialAccount | None:
    if settings.official is None:
        return None
    opened: OfficialAccount = await enter(
        OfficialAccount(
            base_url=settings.wechat.base_url,
            appid=settings.official.appid,
            secret=settings.official.secret,
            shared_tokens=AccessTokenStore(redis, settings.wechat.base_url),
        )
    )
    return opened


async def _sign_ons(
    settings: Settings,
    clock: Clock,
    repositories: Repositories,
    enter: Callable[..., Awaitable[Any]],
) -> SignOns:
    """Opens the sign-ons of the library: CAS first, if it is set, then the OpenID providers.
    ``enter`` opens a client until the resources are closed."""
    sign_ons, own = list[SignOn](), settings.public_base_url
    if settings.cas.base_url:
        names = AttributeNames(name=settings.cas.name_attribute, kind=settings.cas.kind_attribute)
        cas = await enter(
            CasClient(
                settings.cas.base_url,
                own + SERVICE_PATH,
                names=names,
                exact_service=settings.cas.exact_service,
            )
        )
        provider = CasProvider(cas, settings.cas.email_attribute)
        sign_ons.append(SignOn(CAS_ID, provider, settings.cas.name))
    for oidc in settings.oidc:
        opened = await enter(
            OidcProvider(oidc, own + OIDC_PATH + oidc.id, repositories.used_once, clock.real_now)
        )
        sign_ons.append(SignOn(oidc.id, opened, oidc.name, oidc.id if oidc.own_numbers else ""))
    return SignOns(sign_ons, clock.real_now)


async def _campus_app(
    settings: Settings, wecom: WeComClient | None, enter: Callable[..., Awaitable[Any]]
) -> IdentityProvider | None:
    entry = settings.entry
    if wecom is not None:
        return WeComProvider(wecom, settings.public_base_url + ENTRY_PATH, entry.authorize_url)
    if entry.kind == "cas":
        return None
    opened: IdentityProvider = await enter(CampusTicketProvider(entry.url, entry.secret))
    return opened
