from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import Meta

from handlers.http.schemas import Request, Response, SuspensionOut
from handlers.reservations.schemas import ReservationOut

ScanNote = Annotated[str, Meta(min_length=1, max_length=1024)]


class WxLogin(Request):
    """A mini-program's login. ``scan_note``: the note of a code that was scanned before the
    login, if any."""

    code: Annotated[str, Meta(min_length=1, max_length=128, description="from wx.login")]
    scan_note: ScanNote | None = None


class Scan(Request):
    qr: Annotated[str, Meta(min_length=1, max_length=512, description="the whole scanned text")]


class ScanNoteOut(Response):
    """A signed note that a check-in accepts instead of a scanned code's text. It is valid for 90
    seconds in a bound session, for five minutes in an unbound one. If there was no session at
    the scan, the next login must send the note within a minute."""

    note: str


_SCANNED: Final = "[A-Za-z0-9_-]{22}"
_END: Final = "(?!\\n)$"  # Python's $ alone also matches before a final line break


class Bind(Request):
    activation_code: Annotated[
        str,
        Meta(
            pattern=f"^([0-9]{{6}}|{_SCANNED}){_END}",
            max_length=22,
            description="six digits, or 22 characters: a review code or the link's part after c=",
        ),
    ]


class BindingPreview(Request):
    activation_code: Annotated[
        str,
        Meta(
            pattern=f"^{_SCANNED}{_END}",
            max_length=22,
            description="the 22 characters after c= in the scanned link",
        ),
    ]


class NewActivationCode(Request):
    renew: bool = False


class ReaderOut(Response):
    student_no_masked: str
    name: str
    kind: str


class LoginOut(Response):
    """The new session of a login. ``scan_note``: the note to check in with; null if the login
    sent no note, or an expired note."""

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
    """A binding that the reader has yet to confirm: the activation code was correct, but might
    have been guessed. Phone and web page both show ``match_number`` for comparison."""

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
    link: Annotated[str, Meta(description="the content of the QR code")]
    request: Annotated[
        BindingRequestOut | None,
        Meta(description="the binding request that the reader is to answer, if any"),
    ]


class ChosenLanguage(Request):
    """``language``: the tag of one of the service's languages."""

    language: Annotated[str, Meta(max_length=20)]


class CurrentReaderOut(Response):
    reader: ReaderOut | None
    active: list[ReservationOut]
    violations_count: int
    suspended_until: Annotated[
        datetime | None, Meta(description="in the year 9999 if the suspension has no end")
    ]
    suspension: SuspensionOut | None
    subscriptions: Annotated[
        dict[str, int], Meta(description="template → number of messages that may still be sent")
    ]
    long_term: Annotated[
        list[str],
        Meta(description="templates with a standing consent, counted as 1 while it lasts"),
    ]
    reminders_paused: Annotated[
        bool,
        Meta(description="true if no channel can deliver reminders to the reader now"),
    ]
    language: Annotated[
        str | None, Meta(description="tag of the language that the reader has chosen")
    ] = None


ReadersSession = Literal["web", "wx", "kiosk"]


class SessionOut(Response):
    """A live session of the reader. ``current``: the session of this request."""

    id: str
    kind: ReadersSession
    name: str
    opened_at: datetime
    expires_at: datetime
    current: bool


class SessionsOut(Response):
    items: list[SessionOut]
