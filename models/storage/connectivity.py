"""Explains in one line why MongoDB cannot be used: the host, the cause and the remedy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from pymongo import AsyncMongoClient, uri_parser
from pymongo.common import URI_OPTIONS_VALIDATOR_MAP
from pymongo.errors import OperationFailure, PyMongoError

from models.kernel.errors import Unavailable
from models.storage.mongo import Database
from models.storage.mongo_errors import UNAUTHORIZED

_LOOK_MS: Final = 1500
_BAD_CREDENTIALS: Final = frozenset({18, 8000})
_CAUSES: Final = (
    # A part of the driver's message → the cause, for the operator.
    ("Errno 111", "connection refused (is it running, and does its bindIp name this address?)"),
    ("Name or service not known", "no such host name"),
    ("No address associated", "no such host name"),
    ("name resolution", "no such host name"),
    ("does not exist", "no such host name"),
    ("No route", "no route to this host"),
    ("CERTIFICATE_VERIFY", "its certificate is not trusted: name its CA in tlsCAFile"),
    ("SSL", "the TLS handshake failed (does it speak TLS?)"),
    ("connection closed", "it closed the connection (does it want tls=true?)"),
)
_FILES: Final = {
    "tlscafile": "tlsCAFile",
    "tlscertificatekeyfile": "tlsCertificateKeyFile",
    "tlscrlfile": "tlsCRLFile",
}
_ALL_POWERFUL: Final = re.compile(r"root|__system|.*AnyDatabase|cluster(Admin|Manager)|restore")
"""MongoDB roles with rights beyond one database."""
_SILENT: Final = "no answer in time (a firewall?)"
_ESCAPE: Final = "characters such as ? / @ : % in the user or the password must be percent-encoded"


class MongoUnusable(Unavailable):
    """MongoDB cannot be used. ``line`` names the host, the cause and the remedy."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line


@dataclass(frozen=True, slots=True)
class MongoAddress:
    """The parts of a MongoDB URL. ``hosts`` are host:port, or the one name of a mongodb+srv URL."""

    hosts: tuple[str, ...]
    replica_set: str
    user: str
    tls: bool


def read_mongo_url(url: str) -> MongoAddress:
    """Parses a MongoDB URL without connecting. Raises: ValueError with the fault and the
    expected form. Its message quotes only the URL's option names, no password."""
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    if _cut_short(url):
        raise ValueError(_ESCAPE)
    options = _options(url)
    tls = any(options.get(name) == "true" for name in ("tls", "ssl"))
    if url.startswith("mongodb+srv://"):
        parts = urlsplit(url)
        if not parts.hostname:
            raise ValueError("must name a host")
        if ":" in parts.netloc.rpartition("@")[2]:  # there are no ports
            raise ValueError(_ESCAPE)
        tls = tls or not {"tls", "ssl"} & set(options)
        user, hosts = parts.username or "", [parts.hostname]
    else:
        try:
            parsed = uri_parser.parse_uri(url, validate=True, warn=False)
        except (PyMongoError, ValueError, OSError) as error:
            raise ValueError(_fault(options, str(error))) from None
        user = parsed["username"] or ""
        hosts = [_place(host, port) for host, port in parsed["nodelist"]]
    return MongoAddress(tuple(hosts), options.get("replicaset", ""), user, tls)


def _place(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{port}" if port else name


def _fault(options: Mapping[str, str], driver_message: str) -> str:
    for name, value in options.items():
        if name in _FILES and name in driver_message.lower():
            return f"{_FILES[name]} {value} is not there, or this user may not read it"
    return driver_message


def _cut_short(url: str) -> bool:
    """True if an unescaped character in the user or password ends the host part too early. The rest
    of the URL then belongs to the password and must not be shown."""
    rest = url.partition("://")[2]
    return rest.count("@") > 1 or ("@" in rest and "@" not in re.split("[/?]", rest, maxsplit=1)[0])


def _options(url: str) -> dict[str, str]:
    """The URL's options by lower-case name. Raises: ValueError for an option unknown to MongoDB."""
    options = {}
    for name, value in parse_qsl(url.partition("?")[2], keep_blank_values=True):
        if name.lower() not in URI_OPTIONS_VALIDATOR_MAP:
            if not re.fullmatch("[A-Za-z]+", name):
                raise ValueError(_ESCAPE)
            near = get_close_matches(name.lower(), URI_OPTIONS_VALIDATOR_MAP, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"MongoDB knows no option {name}{hint}")
        options[name.lower()] = value
    return options


async def require_mongo(db: Database, url: str) -> None:
    """Raises: MongoUnusable unless ``db`` is a primary or a mongos that can be used."""
    async with explained(url):
        hello = await db.command("hello")
        if hello.get("setName") or hello.get("msg") == "isdbgrid":
            await db["installation"].find_one({}, {"_id": 1})  # needs credentials; "hello" does not
            return
    raise MongoUnusable(_lone(read_mongo_url(url).hosts[0], hello))


async def about_mongo(db: Database, url: str) -> tuple[tuple[int, ...], str]:
    """The server's version; and its replica set and primary in words, or "mongos". Also checks,
    with an update that matches nothing, that the user may write. Raises: MongoUnusable."""
    await require_mongo(db, url)
    async with explained(url):
        hello, about = await db.command("hello"), await db.command("buildInfo")
        # The update matches no document; it is refused for a user who may only read.
        await db["installation"].update_one({"_id": None}, {"$set": {"awaited": True}})
    where = f"set {hello['setName']}, primary {hello['me']}" if "setName" in hello else "mongos"
    return tuple(about["versionArray"][:3]), where


async def excessive_roles(db: Database, url: str) -> list[str]:
    """The user's roles with rights beyond the service's database. Raises: MongoUnusable."""
    async with explained(url):
        status = await db.command("connectionStatus")
    roles = {row["role"] for row in status["authInfo"]["authenticatedUserRoles"]}
    return sorted(role for role in roles if _ALL_POWERFUL.fullmatch(role))


@asynccontextmanager
async def explained(url: str) -> AsyncIterator[None]:
    """Translates driver errors inside the block. Raises: MongoUnusable with an explanation."""
    try:
        yield
    except Unavailable as error:
        if not isinstance(error.__cause__, PyMongoError):
            raise
        raise MongoUnusable(await _explained(url, error.__cause__)) from error
    except (PyMongoError, OSError) as error:
        raise MongoUnusable(await _explained(url, error)) from error


async def _explained(url: str, error: Exception) -> str:
    address = read_mongo_url(url)
    if isinstance(error, OperationFailure):
        if error.code in _BAD_CREDENTIALS:
            return (
                f"MongoDB at {','.join(address.hosts)} refuses the user {address.user!r}: correct "
                "the name, the password or authSource in MONGO_URL"
            )
        if error.code == UNAUTHORIZED:
            return (
                f"MongoDB at {','.join(address.hosts)} does not allow this to "
                f"{address.user or 'a client without a user'}: MONGO_URL needs USER:PASSWORD@ of a "
                "user with the role readWrite"
            )
        return f"MongoDB at {','.join(address.hosts)} refuses: {_said(error)}"
    if url.startswith("mongodb+srv://"):
        return f"MongoDB does not answer: {address.hosts[0]} {_cause(error)}; correct MONGO_URL"
    looks = await asyncio.gather(*(_look(url, host) for host in address.hosts))
    return _of_looks(address, dict(zip(address.hosts, looks, strict=True)))


def _said(error: OperationFailure) -> str:
    message = (error.details or {}).get("errmsg") or f"error {error.code}"
    return " ".join(str(message).split())


def _of_looks(address: MongoAddress, looks: Mapping[str, dict[str, Any] | str]) -> str:
    answers = {host: look for host, look in looks.items() if not isinstance(look, str)}
    if not answers:
        causes = ", ".join(f"{host} {look}" for host, look in looks.items())
        return f"MongoDB does not answer: {causes}; start it or correct MONGO_URL"
    for host, hello in answers.items():
        name = hello.get("setName")
        if not name and hello.get("msg") != "isdbgrid":
            return _lone(host, hello)
        if address.replica_set and name != address.replica_set:
            return (
                f"MongoDB at {host} belongs to the replica set {name!r} and not to "
                f"{address.replica_set!r}: write replicaSet={name} in MONGO_URL"
            )
    host, hello = next(iter(answers.items()))
    if primary := next((h["primary"] for h in answers.values() if h.get("primary")), ""):
        return (
            f"MongoDB's primary, {primary} in the replica set's configuration, does not answer: "
            "this machine must be able to resolve and reach the members by these names"
        )
    members = ",".join(hello.get("hosts", ()))
    return (
        f"MongoDB's replica set {hello.get('setName')} has no primary: more than half of its "
        f"members ({members}) must run and reach one another"
    )


def _lone(host: str, hello: Mapping[str, Any]) -> str:
    if hello.get("isreplicaset"):
        return (
            f"MongoDB at {host} is a member of a replica set that was never initiated: "
            "run rs.initiate() there once"
        )
    return (
        f"MongoDB at {host} is not a replica set, which change streams and transactions need (one "
        "member is enough): start mongod with --replSet seats and run rs.initiate() there once"
    )


async def _look(url: str, host: str) -> dict[str, Any] | str:
    """The host's response to a "hello" without credentials; the cause in words if it failed."""
    options = parse_qsl(url.partition("?")[2])
    query = urlencode([o for o in options if o[0].lower().startswith(("tls", "ssl"))])
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        f"mongodb://{host}/?{query}",
        directConnection=True,
        serverSelectionTimeoutMS=_LOOK_MS,
        connectTimeoutMS=_LOOK_MS,
        socketTimeoutMS=_LOOK_MS,
    )
    try:
        return await client.admin.command("hello")
    except (PyMongoError, OSError) as error:
        return _cause(error)
    finally:
        await client.close()


def _cause(error: Exception) -> str:
    text = str(error)
    return next((cause for sign, cause in _CAUSES if sign in text), _SILENT)
