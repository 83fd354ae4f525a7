"""Sign-ins whose ticket came unasked: 以 张* 登录？ The browser that was asked answers, once."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final, NamedTuple

from bind.campus_attributes import CampusAttributes
from bind.login_service import SignIn
from models.identity.used_once_repository import UsedOnceRepository
from models.kernel.errors import Unauthenticated
from models.storage.encryption import DecryptionError, FieldCipher

HELD_FOR: Final = timedelta(minutes=2)
"""Who is asked answers in that time."""


class HeldSignIn(NamedTuple):
    """``text`` is for the form, sealed; ``holder`` for a cookie of the browser that is asked."""

    text: str
    holder: str


class HeldSignIns:
    """Nothing is stored until the answer: the form carries the sign-in."""

    def __init__(
        self, cipher: FieldCipher, once: UsedOnceRepository, campus: CampusAttributes
    ) -> None:
        self._cipher, self._once, self._campus = cipher, once, campus

    def hold(self, who: SignIn, now: datetime) -> HeldSignIn:
        """The sign-in, for the reader who is asked whether it is theirs."""
        held = {**asdict(who), "groups": list(who.groups)}
        if who.attributes is not None:
            looked_at = self._campus.looked_at
            held["attributes"] = {k: v for k, v in who.attributes.items() if k in looked_at}
        holder = self._cipher.new_token()
        until = (now + HELD_FOR).timestamp()
        return HeldSignIn(
            self._cipher.encrypt(json.dumps([held, holder, until]), "held sign-in"), holder
        )

    async def release(self, text: str, holder: str, now: datetime) -> SignIn:
        """The sign-in that this browser was asked about.

        Raises: Unauthenticated where it is too late, or another browser's, or was answered before;
            Unavailable.
        """
        try:
            held, asked, until = json.loads(self._cipher.decrypt(text, "held sign-in"))
        except (DecryptionError, ValueError):
            raise Unauthenticated() from None
        if now.timestamp() > until or not compare_digest(asked, holder):
            raise Unauthenticated()
        if not await self._once.use(f"held sign-in {asked}", now + HELD_FOR):
            raise Unauthenticated()
        return SignIn(**held)
