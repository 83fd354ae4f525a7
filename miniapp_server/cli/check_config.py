"""``check-config``: a table of the settings and of the connections that they lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import date
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from bind.providers.base import CampusClient, EntryUnavailable
from bind.providers.cas_client import CasClient
from bind.providers.cas_xml import CasUnavailable, TicketInvalid
from bind.providers.oidc import OidcSettings
from bind.providers.oidc_metadata import OidcDirectory
from handlers.accounts.login import OIDC_PATH, SERVICE_PATH
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.doubtful_settings import doubtful_rows
from miniapp_server.cli.settings import load
from miniapp_server.cli.verdicts import Row, Verdict, table
from miniapp_server.clock import real_now
from miniapp_server.logging_config import configure_logs
from miniapp_server.settings import Settings
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.misspelt import in_words, is_known, misspelt
from models.kernel.errors import Unavailable
from models.messages.entities import Template
from models.storage.connectivity import (
    MongoUnusable,
    about_mongo,
    excessive_roles,
    explained,
    read_mongo_url,
)
from models.storage.installation import DatabaseRefused, Mode, check
from models.storage.mongo import open_database
from models.storage.redis import open_redis
from models.storage.redis_health import TROUBLE, redis_cause, redis_cure, redis_host
from models.storage.server_releases import (
    AS_OF,
    is_stale,
    mongodb_note,
    redis_release,
    valkey_note,
    version_of,
)
from models.wechat.access_token_repository import AccessTokenStore
from notify.email.smtp_client import SmtpClient, SmtpSettings
from notify.outgoing_calls import OutgoingSystem
from notify.wechat.access_tokens import TokenRequestFailed
from notify.wechat.account_templates import account_templates, difference_of
from notify.wechat.client import WeChatClient
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.template_config import TemplateConfig

_WITHIN_S: Final = 12.0
_HIDDEN: Final = ("_SECRET", "_TOKEN", "_AES_KEY")
_PEOPLE: Final = frozenset({"STAFF_VIEWERS", "STAFF_LIBRARIANS", "STAFF_ADMINISTRATORS"})

_UNTRUSTED: Final = (
    "its certificate is not trusted: name its CA's file in SSL_CERT_FILE (docs/operations.md)"
)
_CAS_CURES: Final = {
    "certificate": _UNTRUSTED,
    "connection": "no connection: correct the host, or check the proxy and firewall",
    "timeout": "no answer in 5 s: check the network",
    "status": "it answers with an error: the address must end before /login",
    "garbage": "this is not a CAS: the address must end before /login",
    "too_large": "this is not a CAS: correct the address",
    "internal_error": "it reports an internal error: ask its operator",
}
_OIDC_CURES: Final = {
    "certificate": _UNTRUSTED,
    "connection": "no connection: correct the host, or check the proxy and firewall",
    "timeout": "no answer in 5 s: check the network",
    "status": "it answers with an error: the issuer must end before /.well-known/",
    "garbage": "this is not an OpenID provider: correct the issuer",
    "issuer": "its metadata names another issuer: write the issuer exactly as there",
    "keys": "it publishes no RSA or elliptic-curve key for signatures",
    "too_large": "this is not an OpenID provider: correct the issuer",
}
_WECHAT_CURES: Final = {
    40013: "WeChat does not know this app id: correct it",
    40125: "WeChat refuses the secret: correct it",
    40001: "WeChat refuses the secret: correct it",
    40164: "add this machine's public address to the account's IP white list",
    None: "no answer from WeChat: check the network, DNS and proxy of this machine",
}


async def check_config(env: Env, connect: bool) -> None:
    """Print a table of the settings and, with ``connect``, of the connections tried with them.
    Raises: CommandError if a row is a problem."""
    settings = load(env)
    rows = settings_rows(settings, env)
    if connect:
        configure_logs("ERROR")  # failures appear in the table, not in the log
        rows += await connection_rows(settings, real_now().date())
    print(table(rows))
    if problems := sum(row.verdict is Verdict.PROBLEM for row in rows):
        raise CommandError(f"{problems} of these rows must be corrected")


# --- settings -----------------------------------------------------------------------------------


def settings_rows(settings: Settings, env: Mapping[str, str]) -> list[Row]:
    """Rows for all settings, without secrets, and for doubtful settings and misspelt variables."""
    rows = [
        Row("mode", "sandbox" if settings.mode is Mode.SANDBOX else "real"),
        Row("listens on", f"{settings.host}:{settings.port}"),
        Row("pages at", settings.public_base_url),
    ]
    rows += [
        Row(name, displayed_value(name, env[name]))
        for name in sorted(env)
        if env[name] and is_known(name)
    ]
    rows += _exposed(settings)
    rows += doubtful_rows(settings, env)
    if missing := settings.templates_missing:
        note = "without a WeChat template, these messages appear only in the app"
        rows.append(Row("WECHAT_TEMPLATES", ", ".join(missing), Verdict.WARNING, note))
    for name, nearest in misspelt(env).items():
        rows.append(Row(name, "", Verdict.PROBLEM, in_words(name, nearest)))
    return rows


def displayed_value(name: str, value: str) -> str:
    if name in ("MONGO_URL", "REHEARSAL_MONGO_URL"):
        address = read_mongo_url(value)
        facts = [
            f"replica set {address.replica_set}" if address.replica_set else "",
            f"user {address.user}" if address.user else "no user",
            "TLS" if address.tls else "no TLS",
        ]
        return f"{','.join(address.hosts)} ({', '.join(filter(None, facts))})"
    if name == "REDIS_URL":
        parts = urlsplit(value)
        password = "password" if parts.password else "no password"
        return (
            f"{redis_host(value)} ({password}, {'TLS' if parts.scheme == 'rediss' else 'no TLS'})"
        )
    if name == "ENCRYPTION_KEYS":
        versions = ", ".join(part.strip().partition(":")[0] for part in value.split(","))
        return f"version {versions} (hidden)"
    if name.endswith(_HIDDEN):
        return "set (hidden)"
    if name == "WECHAT_VERIFICATION_FILE":
        return ", ".join(part.strip().partition("=")[0] for part in value.split(","))
    if name == "WECHAT_TEMPLATES":
        return value if value.startswith("@") else "JSON"
    if name in _PEOPLE:
        return _counted(len([n for n in value.split(",") if n.strip()]), "account")
    if name.endswith("_URL") and "@" in (parts := urlsplit(value)).netloc:
        return parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}").geturl()
    return value


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _exposed(settings: Settings) -> list[Row]:
    """Warnings about remote databases without a user, password or TLS."""
    rows = []
    mongo, redis = read_mongo_url(settings.mongo_url), urlsplit(settings.redis_url)
    far = [host for host in mongo.hosts if not is_loopback(_name(host))]
    for lacking, cure in (
        (not mongo.user, "no user: anybody who reaches it can change all data; docs/deployment.md"),
        (not mongo.tls, "no TLS: the traffic can be read on the network; set tls=true"),
    ):
        if far and lacking:
            rows.append(Row("MONGO_URL", ",".join(far), Verdict.WARNING, cure))
    if redis.scheme != "unix" and not is_loopback(redis.hostname):
        host = redis_host(settings.redis_url)
        if not redis.password:
            note = "no password: it stores WeChat's token; write rediss://:PASSWORD@HOST:PORT/0"
            rows.append(Row("REDIS_URL", host, Verdict.WARNING, note))
        if redis.scheme != "rediss":
            note = "no TLS: the traffic can be read on the network; write rediss://"
            rows.append(Row("REDIS_URL", host, Verdict.WARNING, note))
    return rows


def _name(host: str) -> str:
    """The host without port and brackets."""
    return urlsplit(f"//{host}").hostname or ""


# --- connections --------------------------------------------------------------------------------


async def connection_rows(settings: Settings, today: date) -> list[Row]:
    """Rows for all connections, tried concurrently. ``today`` decides if a release is outdated."""
    tries = [_redis(settings)]
    accounts = []
    if settings.mode is Mode.SANDBOX:
        rows = [Row("CAS, WeChat", "simulated by the sandbox")]
    else:
        rows = []
        if is_stale(today):
            note = "this list is old: update the service, or check the vendors' advisories"
            rows.append(Row("releases known", AS_OF.isoformat(), Verdict.WARNING, note))
        tries += [_cas(settings)] if settings.cas.base_url else []
        tries += [_oidc(settings, one) for one in settings.oidc]
        if not settings.wechat.used:
            rows.append(Row("WeChat", "not set: web pages only"))
        if settings.smtp is not None:
            tries.append(_mail(settings.smtp))
        accounts = [_wechat(settings, *account) for account in settings.wechat_accounts]
    mongo, others, wechat = await asyncio.gather(
        _mongo(settings, today), asyncio.gather(*tries), asyncio.gather(*accounts)
    )
    return [*mongo, *others, *chain(*wechat), *rows]


async def _mongo(settings: Settings, today: date) -> list[Row]:
    hosts = ",".join(read_mongo_url(settings.mongo_url).hosts)
    try:
        async with (
            asyncio.timeout(_WITHIN_S),
            open_database(settings.mongo_url, settings.database) as db,
        ):
            version, where = await about_mongo(db, settings.mongo_url)
            roles = await excessive_roles(db, settings.mongo_url)
            async with explained(settings.mongo_url):
                about = await check(db, settings.mode, settings.sealer)
    except DatabaseRefused as refused:
        return [Row("MongoDB", hosts, Verdict.PROBLEM, str(refused))]
    except MongoUnusable as error:
        return [Row("MongoDB", hosts, Verdict.PROBLEM, error.line)]
    except (Unavailable, TimeoutError):
        return [Row("MongoDB", hosts, Verdict.PROBLEM, "no answer in time: check the network")]
    value = f"{'.'.join(map(str, version))}, {where}"
    rows = [Row("MongoDB", value, *_judged(settings, mongodb_note(version, today)))]
    if roles:
        note = f"this user needs only readWrite on {settings.database}; docs/deployment.md"
        rows.append(Row("MONGO_URL", ", ".join(roles), Verdict.WARNING, note))
    if about.pages_at not in ("", settings.public_base_url):
        note = (
            "this database last served these pages: check that no other installation uses it. "
            "After a move, the next start stores the new address"
        )
        rows.append(Row("PUBLIC_BASE_URL", about.pages_at, Verdict.WARNING, note))
    return rows


def _judged(settings: Settings, note: str) -> tuple[Verdict, str]:
    """The verdict on a database release. ``note``: its known weakness, empty if none. A weakness
    is a warning, except in a sandbox, which has no real data to expose."""
    exposed = bool(note) and settings.mode is not Mode.SANDBOX
    return (Verdict.WARNING, note) if exposed else (Verdict.OK, "")


async def _redis(settings: Settings) -> Row:
    host = redis_host(settings.redis_url)
    try:
        async with asyncio.timeout(_WITHIN_S), open_redis(settings.redis_url) as client:
            await client.ping()
            try:
                about: dict[str, Any] = await client.info("server")
            except TROUBLE:  # this user may not run INFO
                about = {}
    except TROUBLE as error:
        cause = redis_cause(error)
        return Row("Redis", host, Verdict.PROBLEM, f"{cause}: {redis_cure(cause)}")
    server, version = redis_release(about)
    if server == "valkey":
        verdict, note = _judged(settings, valkey_note(version_of(version)))
        return Row("Redis", f"Valkey {version}, {host}", verdict, note)
    return Row("Redis", f"{version or 'version unknown'}, {host}")


async def _cas(settings: Settings) -> Row:
    base = settings.cas.base_url
    async with CasClient(base, settings.public_base_url + SERVICE_PATH) as cas:
        try:
            await cas.validate("ST-0-are-you-there")
        except TicketInvalid as refused:
            if refused.details.get("cas_code") in ("INVALID_SERVICE", "UNAUTHORIZED_SERVICE"):
                note = f"it does not accept this service: have {cas.service_url} registered there"
                return Row("CAS", base, Verdict.PROBLEM, note)
        except CasUnavailable as error:
            note = _CAS_CURES.get(str(error.details.get("reason")), "it gives no usable answer")
            return Row("CAS", base, Verdict.PROBLEM, note)
    return Row("CAS", base)


async def _oidc(settings: Settings, provider: OidcSettings) -> Row:
    name = f"OIDC {provider.id}"
    async with CampusClient(OutgoingSystem.OIDC) as client:
        directory = OidcDirectory(provider.issuer, client, real_now)
        try:
            metadata = await directory.metadata()
            keys = await directory.keys(None)
        except EntryUnavailable as error:
            note = _OIDC_CURES.get(str(error.details.get("reason")), "it gives no usable answer")
            return Row(name, provider.issuer, Verdict.PROBLEM, note)
    facts = [
        _counted(len(keys.key_set.keys), "key"),
        "sign-out" if metadata.end_session_endpoint else "no sign-out",
        "back-channel logout" if metadata.back_channel_logout else "no back-channel logout",
    ]
    return Row(
        name,
        provider.issuer,
        note=f"{', '.join(facts)}; redirect {settings.public_base_url}{OIDC_PATH}{provider.id}",
    )


async def _mail(settings: SmtpSettings) -> Row:
    host = f"{settings.host}:{settings.port}"
    async with SmtpClient(settings) as smtp:
        note = await smtp.trouble()
    return Row("mail server", host, Verdict.PROBLEM if note else Verdict.OK, note)


async def _wechat(settings: Settings, name: str, appid: str, secret: str) -> list[Row]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(open_redis(settings.redis_url))
        transport = WeChatClient(
            base_url=settings.wechat.base_url,
            appid=appid,
            secret=secret,
            shared_tokens=AccessTokenStore(client, settings.wechat.base_url),
        )
        await stack.enter_async_context(transport)
        try:
            await transport.issue_token()
        except TokenRequestFailed as refused:
            note = _WECHAT_CURES.get(refused.errcode, f"WeChat answers {refused.errcode}")
            return [Row(name, appid, Verdict.PROBLEM, note)]
        rows = [Row(name, appid)]
        if appid == settings.wechat.appid:
            rows += await _templates(settings.wechat.templates, transport)
    return rows


async def _templates(
    configured: Mapping[Template, TemplateConfig], transport: WeChatClient
) -> list[Row]:
    """Rows about the configured message templates, compared with those of the WeChat account."""
    try:
        account = await account_templates(transport)
    except WeChatUnavailable as error:
        note = f"not compared: WeChat answers {error.details.get('errcode')}"
        return [Row("WECHAT_TEMPLATES", "", Verdict.WARNING, note)]
    differences = {name: difference_of(config, account) for name, config in configured.items()}
    if faults := [
        Row("WECHAT_TEMPLATES", name.value, Verdict.PROBLEM, note)
        for name, note in differences.items()
        if note
    ]:
        return faults
    return [Row("WECHAT_TEMPLATES", f"{len(configured)} as in the account")]
