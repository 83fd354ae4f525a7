"""Makes a replica set and its users from the first member's host, which needs no user yet.

What docs/deployment.md types into mongosh. Standard input is JSON with ``members``, ``settings``
and the passwords ``admin`` and ``seats``.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import PyMongoError

_OPTIONS: Final[dict[str, Any]] = {
    "tls": True,
    "tlsCAFile": "/etc/mongodb/ca.pem",
    "tlsAllowInvalidHostnames": True,
    "directConnection": True,
    "serverSelectionTimeoutMS": 60_000,
}
_POLL_S: Final = 0.1
_ROLES: Final = [{"role": "readWrite", "db": name} for name in ("seats", "seats_rehearsal")]


def main() -> None:
    said = json.load(sys.stdin)
    members = [{"_id": number, "host": name} for number, name in enumerate(said["members"])]
    config = {"_id": "seats", "members": members, "settings": said["settings"]}
    with MongoClient[dict[str, Any]]("127.0.0.1", **_OPTIONS) as first:
        while not first.admin.command("hello").get("setName"):
            with suppress(PyMongoError):  # the other members are still starting
                first.admin.command("replSetInitiate", config)
            time.sleep(_POLL_S)
        while not first.admin.command("hello")["isWritablePrimary"]:
            with suppress(PyMongoError):  # sooner than the set would elect one by itself
                first.admin.command("replSetStepUp")
            time.sleep(_POLL_S)
        first.admin.command("createUser", "admin", pwd=said["admin"], roles=["root"])
    signed_in = {"username": "admin", "password": said["admin"], "authSource": "admin"}
    with MongoClient[dict[str, Any]]("127.0.0.1", **_OPTIONS, **signed_in) as first:
        first.admin.command("createUser", "seats", pwd=said["seats"], roles=_ROLES)


if __name__ == "__main__":
    main()
