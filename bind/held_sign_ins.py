"""Sign-ins whose ticket came with a browser that had not begun a sign-in in this service. The
reader has to confirm them: 以 张* 登录？"""

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


class HeldSignIn(NamedTuple):
    """An unconfirmed sign-in. ``text`` is its encrypted form, for a field of the confirmation
    page; ``holder`` is a secret for the browser's cookie."""

    text: str
    holder: str


class HeldSignIns:
    """Encrypts unconfirmed sign-ins into the confirmation form; the service does not store them."""

    def __init__(
        self, cipher: FieldCipher, once: UsedOnceRepository, campus: CampusAttributes
    ) -> None:
        self._cipher, self._once, self._campus = cipher, once, campus

    def hold(self, sign_in: SignIn, now: datetime) -> HeldSignIn:
        held = {**asdict(sign_in), "groups": list(sign_in.groups)}
        if sign_in.attributes is not None:
            names = self._campus.attribute_names
            held["attributes"] = {k: v for k, v in sign_in.attributes.items() if k in names}
        holder = self._cipher.new_token()
        until = (now + HELD_FOR).timestamp()
        return HeldSignIn(
            self._cipher.encrypt(json.dumps([held, holder, until]), "held sign-in"), holder
        )

    async def release(self, text: str, holder: str, now: datetime) -> SignIn:
        """Returns the confirmed sign-in, once. Raises: Unauthenticated if the sign-in is older
        than ``HELD_FOR``, belongs to another browser or was returned before."""
        try:
            held, owner, until = json.loads(self._cipher.decrypt(text, "held sign-in"))
        except (DecryptionError, ValueError):
            raise Unauthenticated() from None
        if now.timestamp() > until or not compare_digest(owner, holder):
            raise Unauthenticated()
        if not await self._once.use(f"held sign-in {owner}", now + HELD_FOR):
            raise Unauthenticated()
        return SignIn(**held)
