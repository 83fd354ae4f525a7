from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from miniapp_server.settings.environment import EnvironmentReader
from models.storage.encryption import FieldCipher

VARIABLES: Final = ("MONGO_URL", "MONGO_DATABASE", "REDIS_URL", "ENCRYPTION_KEYS")


def read_cipher(read: EnvironmentReader) -> FieldCipher | None:
    """The cipher for ENCRYPTION_KEYS; None, with a fault noted, if the keys are malformed."""
    text = read.required("ENCRYPTION_KEYS")
    try:
        return FieldCipher.parse(text) if text else None
    except ValueError:
        read.fault(
            "ENCRYPTION_KEYS must look like 1:<base64 of 32 bytes>,2:<base64 of 32 bytes>, "
            "each version once"
        )
        return None


def read_database_name(read: EnvironmentReader) -> str:
    name = read.text("MONGO_DATABASE", "seats")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,38}", name):
        read.fault("MONGO_DATABASE must have at most 38 letters, digits, _ and -")
    return name


def read_database_url(read: EnvironmentReader, name: str, parse: Callable[[str], object]) -> str:
    """The database URL in the variable ``name``; a ValueError of ``parse`` is noted as a fault."""
    value = read.required(name)
    try:
        if value:
            parse(value)
    except ValueError as error:
        read.fault(f"{name}: {error}")
    return value
