"""Encryption of personal data at rest with the newest key, and keyed hashes for look-ups and
unique indexes. One multikey array holds a value's hashes under all live keys, so values stay
unique while keys are rotated (``miniapp_server rotate-keys``)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_TOKEN_BYTES: Final = 32
_CHECKSUM_HEX: Final = 16


class DecryptionError(Exception):
    """The value cannot be decrypted: its key is missing or it was encrypted for another purpose."""


class FieldCipher:
    """Encrypts with AES-256-GCM and hashes with HMAC-SHA256. ``keys``: 32 random bytes by
    version; the highest version is the current key. Raises: ValueError for no keys or a wrong
    length."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys or any(len(key) != 32 for key in keys.values()):
            raise ValueError("each data key must have 32 bytes, and at least one is required")
        self.current = max(keys)
        self._ciphers = {v: AESGCM(_derive(key, b"seal")) for v, key in keys.items()}
        self._sealed_by = tuple(f"{version}:" for version in keys)
        self._hash_keys = {v: _derive(key, b"hash") for v, key in keys.items()}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Makes a cipher from keys written as ``"1:<base64>,2:<base64>"``. Raises: ValueError."""
        keys: dict[int, bytes] = {}
        for part in text.split(","):
            version, _, encoded = part.strip().partition(":")
            if int(version) in keys:
                raise ValueError(f"two data keys have the version {version}")
            keys[int(version)] = b64decode(encoded, validate=True)
        return cls(keys)

    def encrypt(self, plain: str, purpose: str) -> str:
        """Encrypts a value, which can only be decrypted with the same ``purpose`` (its field)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = self._ciphers[self.current].encrypt(nonce, plain.encode(), purpose.encode())
        return f"{self.current}:{urlsafe_b64encode(nonce + box).decode()}"

    def decrypt(self, sealed: str, purpose: str) -> str:
        """Decrypts a value encrypted with the same ``purpose``. Raises: DecryptionError."""
        version, _, encoded = sealed.partition(":")
        cipher = self._ciphers.get(int(version))
        if cipher is None:
            raise DecryptionError(f"there is no data key with the version {version}")
        raw = urlsafe_b64decode(encoded)
        try:
            plain = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
        except InvalidTag as error:
            raise DecryptionError(purpose) from error
        return plain.decode()

    def can_open(self, sealed: str) -> bool:
        """True if the service has the key under which the value was encrypted."""
        return sealed.startswith(self._sealed_by)

    def hashes(self, plain: str, purpose: str) -> list[str]:
        """The keyed hashes of ``plain`` under all the service's keys, the current key's first."""
        return [
            f"{version}:{self._hash(version, plain, purpose)}"
            for version in sorted(self._hash_keys, reverse=True)
        ]

    def new_token(self) -> str:
        """A random 256-bit bearer token with a checksum: 64 bits of the token's hash under the
        current key. By the checksum ``has_issued`` rejects invented tokens without the database."""
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        return secret + self._checksum(self.current, secret)

    def has_issued(self, token: str) -> bool:
        """True if the token's checksum was made with a key that the service has."""
        if not token.isascii():
            return False
        secret, checksum = token[:-_CHECKSUM_HEX], token[-_CHECKSUM_HEX:]
        return any(
            hmac.compare_digest(self._checksum(version, secret), checksum)
            for version in self._hash_keys
        )

    def _checksum(self, version: int, secret: str) -> str:
        return self._hash(version, secret, "token")[:_CHECKSUM_HEX]

    def _hash(self, version: int, plain: str, purpose: str) -> str:
        text = f"{purpose}\0{plain}".encode()
        return hmac.digest(self._hash_keys[version], text, "sha256").hex()


def _derive(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


def id_from(name: str) -> str:
    """A document id of 24 hex digits, derived from ``name``: the same name yields the same id."""
    return token_hash(name)[:24]


def token_hash(secret: str) -> str:
    """SHA-256 of a random secret (token, ticket), unsalted, since the secret cannot be guessed.
    A secret from a header that is not valid UTF-8 contains surrogates; its hash matches nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
