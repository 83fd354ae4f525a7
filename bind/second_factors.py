"""The second factor of staff members: codes of an authenticator (RFC 6238) and recovery codes, each
accepted once. Required if STAFF_TOTP is set and the sign-on reports no second factor."""

from __future__ import annotations

import hmac
import json
import re
import secrets
from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pyotp

from bind.session_service import SessionService
from models.identity.entities import Session
from models.identity.second_factor_repository import SecondFactorRepository, attempt_limits
from models.kernel.errors import RuleViolation
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter
from models.storage.encryption import DecryptionError, FieldCipher

STEP_S: Final = 30
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_RECOVERY_CODE: Final = re.compile(r"[A-Z2-7]{16}")
_OFFER_LASTS: Final = timedelta(minutes=15)
_STEPS_OFF: Final = (0, -1, 1)
"""Accepted offsets in time steps of 30 s: the phone's clock may be half a minute fast or slow."""
_HELD: Final = "second factor"


class SecondFactorInvalid(RuleViolation):
    """Raised for wrong, used and expired codes alike, so that guessing reveals nothing."""

    code = "second_factor_invalid"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A new secret offered to a staff member's authenticator app. ``uri`` is for its QR code.
    ``held``: the encrypted secret, kept in the form until a code confirms the secret."""

    secret: str
    uri: str
    held: str


def _uri(secret: str, reader: Reader, issuer: str) -> str:
    account = reader.name or reader.student_no_masked
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


class SecondFactors:
    def __init__(
        self,
        factors: SecondFactorRepository,
        attempts: AttemptLimiter,
        sessions: SessionService,
        audit: AuditLog,
        cipher: FieldCipher,
    ) -> None:
        self._factors, self._attempts, self._sessions = factors, attempts, sessions
        self._audit, self._cipher = audit, cipher

    async def recovery_codes_left(self, reader: Reader) -> int | None:
        """Number of recovery codes left; None if the reader has no second factor."""
        factor = await self._factors.of(reader.id)
        return factor.recovery_codes if factor is not None else None

    def offer(self, reader: Reader, issuer: str, now: datetime) -> Enrolment:
        """Offers a new secret. The authenticator app lists it under the name ``issuer``."""
        secret = pyotp.random_base32()
        held = [secret, reader.id, (now + _OFFER_LASTS).timestamp()]
        uri = _uri(secret, reader, issuer)
        return Enrolment(secret, uri, self._cipher.encrypt(json.dumps(held), _HELD))

    def offered(self, reader: Reader, issuer: str, held: str, now: datetime) -> Enrolment:
        """The offered secret that was kept in the form as ``held``. Raises: SecondFactorInvalid
        if the secret was offered to another reader, or more than fifteen minutes ago."""
        try:
            secret, reader_id, until = json.loads(self._cipher.decrypt(held, _HELD))
        except (DecryptionError, ValueError):
            raise SecondFactorInvalid() from None
        if reader_id != reader.id or now.timestamp() > until:
            raise SecondFactorInvalid()
        return Enrolment(secret, _uri(secret, reader, issuer), held)

    async def enrol(
        self,
        reader: Reader,
        session: Session,
        secret: str,
        code: str,
        now: datetime,
        present: str = "",
    ) -> Sequence[str]:
        """Stores ``secret`` as the reader's authenticator if ``code`` is a code of ``secret``, and
        records that the session has passed the second factor. Returns the recovery codes, which
        cannot be shown again.

        An existing authenticator is replaced only in a session that has passed the second factor,
        and only with ``present``: a code of the existing authenticator or a recovery code. An
        unattended computer with an open session must not be enough.

        Raises: SecondFactorInvalid, TooManyAttempts.
        """
        step = _step_of(secret, code, now)
        if step is None:  # not counted: the secret is on the page, so there is nothing to guess
            raise SecondFactorInvalid()
        replace = await self._factors.of(reader.id) is not None
        if replace:
            if session.role is None or not session.role.second_factor:
                raise SecondFactorInvalid()
            await self._check(reader.id, present, now)
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        async with self._audit.entry_of_reader(reader.id, now, AuditAction.SECOND_FACTOR):
            plain = [_plain(one) for one in codes]
            if not await self._factors.put(reader.id, secret, plain, step, now, replace=replace):
                raise SecondFactorInvalid()
        await self._sessions.pass_second_factor(session)
        return codes

    async def confirm(self, reader: Reader, session: Session, code: str, now: datetime) -> None:
        """Verifies a code and records that the session has passed the second factor. ``code``:
        of the authenticator, or a recovery code. Raises: SecondFactorInvalid, TooManyAttempts."""
        await self._check(reader.id, code, now)
        await self._sessions.pass_second_factor(session)

    async def _check(self, reader_id: ReaderId, code: str, now: datetime) -> None:
        """Verifies the code and uses it up. Wrong authenticator codes are limited, wrong
        recovery codes are not. Raises: SecondFactorInvalid, TooManyAttempts."""
        # Recovery codes are not counted: 80 bits cannot be guessed, and a thief of the password
        # could otherwise use up all attempts and lock the owner out.
        guessable = not _RECOVERY_CODE.fullmatch(_plain(code))
        limits = await self._take_attempt(reader_id, now) if guessable else []
        if not await self._is_right(reader_id, code, now):
            raise SecondFactorInvalid()
        await self._attempts.refund(limits)

    async def _is_right(self, reader_id: ReaderId, code: str, now: datetime) -> bool:
        factor, plain = await self._factors.of(reader_id), _plain(code)
        if factor is None:
            return False
        if _RECOVERY_CODE.fullmatch(plain):
            return await self._factors.use_recovery_code(reader_id, plain)
        step = _step_of(factor.secret, plain, now)
        return step is not None and await self._factors.use_step(reader_id, step)

    async def _take_attempt(self, reader_id: ReaderId, now: datetime) -> list[AttemptLimit]:
        """Counts an attempt. Returns the limits that count the attempt; the caller refunds them
        if the code is right. Raises: TooManyAttempts."""
        limits = attempt_limits(reader_id)
        await self._attempts.register(limits, now)
        return limits


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The code's time step; None for a wrong code. Compares all steps, in constant time."""
    if not re.fullmatch(r"[0-9]{6}", code):
        return None
    current, matched = int(now.timestamp()) // STEP_S, None
    for off in _STEPS_OFF:
        expected = pyotp.TOTP(secret).generate_otp(current + off)
        if hmac.compare_digest(expected, code) and matched is None:
            matched = current + off
    return matched


def _recovery_code() -> str:
    """80 random bits, in four groups that are easy to copy by hand."""
    text = b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _plain(code: str) -> str:
    """The code without spaces and dashes, in upper case."""
    return re.sub(r"[\s-]", "", code).upper()
