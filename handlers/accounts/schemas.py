"""What signing in and binding take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response, SuspensionOut
from handlers.reservations.schemas import ReservationOut

ScanNote = Annotated[str, Meta(min_length=1, max_length=1024)]


class WxLogin(Request):
    """``scan_note``: the note of a code that brought the phone here."""

    code: Annotated[str, Meta(min_length=1, max_length=128, description="from wx.login")]
    scan_note: ScanNote | None = None


class Scan(Request):
    qr: Annotated[str, Meta(min_length=1, max_length=512, description="the whole scanned text")]


class ScanNoteOut(Response):
    """Stands for the text in the check-in: 90 seconds in a reader's session, five minutes in one
    that is not bound yet; without a session the next login has to take it within a minute."""

    note: str


_SCANNED: Final = "[A-Za-z0-9_-]{22}"
_END: Final = "(?!\\n)$"  # in Python the end alone also fits before a last line break


class Bind(Request):
    activation_code: Annotated[
        str,
        Meta(
            pattern=f"^([0-9]{{6}}|{_SCANNED}){_END}",
            max_length=22,
            description="six digits, or 22 characters: a review code, or behind c= in the link",
        ),
    ]


class BindingPreview(Request):
    activation_code: Annotated[
        str,
        Meta(
            pattern=f"^{_SCANNED}{_END}",
            max_length=22,
            description="the 22 characters behind c= in the scanned link",
        ),
    ]


class NewActivationCode(Request):
    renew: bool = False


class ReaderOut(Response):
    student_no_masked: str
    name: str
    kind: str


class LoginOut(Response):
    """``scan_note`` is that of the session; null where none was brought, or it was over."""

    token: str
    expires_at: datetime
    bound: bool
    reader: ReaderOut | None
    scan_note: str | None


class BindingOut(Response):
    reader: ReaderOut


class BindingPreviewOut(Response):
    name_masked: str
    student_no_masked: str


class BindingRequestOut(Response):
    """Right digits that wait for the reader. ``match_number`` is on both screens."""

    id: str
    match_number: str
    at: datetime
    expires_at: datetime


class BindingStateOut(Response):
    state: Literal["none", "pending", "refused", "expired", "bound"]
    request: BindingRequestOut | None
    reader: ReaderOut | None


class ActivationCodeOut(Response):
    code: str
    expires_at: datetime
    link: Annotated[str, Meta(description="what the QR code says")]
    request: Annotated[
        BindingRequestOut | None, Meta(description="who waits for the reader's answer")
    ]


class CurrentReaderOut(Response):
    reader: ReaderOut | None
    active: list[ReservationOut]
    violations_count: int
    suspended_until: Annotated[
        datetime | None, Meta(description="in the year 9999 where the suspension has no end")
    ]
    suspension: SuspensionOut | None
    subscriptions: Annotated[
        dict[str, int], Meta(description="messages of each template that may still be sent")
    ]
    long_term: Annotated[
        list[str],
        Meta(description="templates that are accepted once; theirs is 1 while the accept stands"),
    ]
    reminders_paused: Annotated[
        bool,
        Meta(description="no channel by which the reader would be reminded can send just now"),
    ]


ReadersSession = Literal["web", "wx", "kiosk"]


class SessionOut(Response):
    """Where the reader is signed in. ``current``: it is the one that asks."""

    id: str
    kind: ReadersSession
    name: str
    opened_at: datetime
    expires_at: datetime
    current: bool


class SessionsOut(Response):
    items: list[SessionOut]
