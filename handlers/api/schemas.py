"""The shapes of the JSON API: requests are validated by them, answers and OpenAPI made of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, field

from models.library.entities import FILTERABLE_FEATURES

ClockTime = Annotated[
    str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, description="HH:MM")
]
Start = Annotated[
    str,
    Meta(
        pattern="^(now|([01][0-9]|2[0-3]):[0-5][0-9])$",
        max_length=5,
        description="now (现在) or HH:MM",
    ),
]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Instant = Annotated[datetime, Meta(tz=True, description="in the years 2000 to 2099")]


class Request(Struct, forbid_unknown_fields=True):
    """A request body or query: unknown fields are errors."""


class InstantRequest(Request):
    """One with instants. Those that no reader ever sees are malformed: the first and the last days
    of the calendar cannot even be taken to another time zone."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and not 2000 <= value.year < 2100:
                raise ValueError(f"{name}: a year from 2000 to 2099")


class EmptyRequest(Request):
    """The body of an operation that takes none: empty, or an empty object."""


class Response(Struct):
    """An answer."""


Item = TypeVar("Item")


class Page(Response, Generic[Item]):
    """One page of a list; ``total`` counts the items of all its pages."""

    items: list[Item]
    page: int
    page_size: int
    total: int


class Pagination(Request):
    """Which page of a list is asked for."""

    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        """How many items stand before the page."""
        return (self.page - 1) * self.page_size

    def page_of(self, items: list[Item], total: int) -> Page[Item]:
        """The answer with these items, of ``total`` in the whole list."""
        return Page(items, self.page, self.page_size, total)


# --- identity -----------------------------------------------------------------------------------


class WxLogin(Request):
    code: Annotated[str, Meta(min_length=1, max_length=128, description="from wx.login")]


_SCANNED: Final = "[A-Za-z0-9_-]{22}"
_END: Final = "(?!\\n)$"  # in Python the end alone also fits before a last line break


class Bind(Request):
    activation_code: Annotated[
        str,
        Meta(
            pattern=f"^([0-9]{{6}}|{_SCANNED}){_END}",
            max_length=22,
            description="six digits, or the 22 characters behind c= in the scanned link",
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
    token: str
    expires_at: datetime
    bound: bool
    reader: ReaderOut | None


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


class Subscribe(Request):
    results: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=40)]],
        Meta(max_length=10, description="template → what wx.requestSubscribeMessage answered"),
    ]


class SubscriptionsOut(Response):
    subscriptions: dict[str, int]


# --- seats --------------------------------------------------------------------------------------


class OpenOut(Response, rename={"from_": "from"}):
    from_: str
    to: str


class DateOut(Response):
    date: date
    label: str
    bookable: bool
    opens_at: datetime | None
    open: OpenOut | None
    reason: str


class VenueOut(Response):
    id: str
    name: str
    open: OpenOut | None
    dates: list[DateOut]


class VenuesOut(Response):
    items: list[VenueOut]


class AreasQuery(Request):
    venue: Id | None = None
    date: date | None = None
    start: ClockTime | None = None
    end: ClockTime | None = None
    window: bool = False
    power: bool = False

    @property
    def wanted(self) -> frozenset[str]:
        """Marks that a seat must have to be counted."""
        return frozenset(mark for mark in FILTERABLE_FEATURES if getattr(self, mark))


class WindowQuery(Request):
    date: date | None = None
    start: ClockTime | None = None
    end: ClockTime | None = None


class AreaOut(Response):
    id: str
    name: str
    floor: int
    seats_total: int
    seats_free: int
    seats_in_use: int
    seats_away: int
    seats_disabled: int
    max_minutes: int
    step_minutes: int


class AreasOut(Response):
    items: list[AreaOut]


class AreaSummary(Response):
    id: str
    name: str
    floor: int
    venue: str


class SeatOut(Response):
    id: str
    no: str
    x: int
    y: int
    status: Literal["free", "occupied", "away", "disabled", "mine"]
    free_until: datetime | None
    next_free: datetime | None
    power: bool
    window: bool
    computer: bool
    accessible: bool


class SeatEvent(Response):
    """What an event stream tells of a seat."""

    id: str
    status: Literal["free", "occupied", "away", "disabled", "mine"]
    free_until: datetime | None
    next_free: datetime | None


class MarkOut(Response):
    kind: str
    x: int
    y: int
    w: int
    h: int


class SeatMapOut(Response):
    area: AreaSummary
    width: int
    height: int
    seats: list[SeatOut]
    marks: list[MarkOut]
    version: str


class TimesQuery(Request):
    date: date | None = None
    start: Start | None = None


class Choice(Response):
    value: str
    label: str


class TimesOut(Response, omit_defaults=True):
    starts: list[Choice] | UnsetType = UNSET
    ends: list[Choice] | UnsetType = UNSET


class EndsOut(Response):
    ends: list[Choice]


class SeatDayQuery(Request):
    date: date | None = None


class OccupiedOut(Response):
    start: datetime
    end: datetime


class SeatDayOut(Response):
    id: str
    no: str
    area_id: str
    label: str
    power: bool
    window: bool
    computer: bool
    accessible: bool
    disabled: str | None
    date: date
    taken: list[OccupiedOut]


# --- reservations -------------------------------------------------------------------------------


class CreateReservation(Request):
    seat_id: Id
    date: date
    start: Start
    end: ClockTime


class KioskCodeRequest(Request):
    qr: Annotated[str, Meta(min_length=1, max_length=512, description="the whole scanned text")]


class Extend(Request):
    end: ClockTime


class ChangeReservation(Request):
    seat_id: Id | None = None
    start: Start | None = None
    end: ClockTime | None = None


State = Literal[
    "reserved",
    "in_use",
    "away",
    "finished",
    "completed",
    "cancelled",
    "no_show",
    "away_expired",
    "offered",
    "offer_expired",
]


class ReservationsQuery(Pagination):
    state: State | None = None


class ReservedSeat(Response):
    id: str
    no: str
    area_id: str
    area: str
    floor: int
    venue: str
    label: str


class AssistedOut(Response):
    """What a gate did last on the reader's behalf, and since when they have confirmed it."""

    kind: str
    at: datetime
    confirmed_at: datetime | None


class HistoryEntry(Response):
    at: datetime
    event: str
    by: str
    via: str


class ReservationOut(Response):
    """``leave_minutes``: how long a leave that begins now may last, where the reader may leave.
    ``excused``: not to come would be no violation."""

    id: str
    rev: int
    receipt: str
    seat: ReservedSeat
    date: date
    start: datetime
    end: datetime
    state: State
    state_text: str
    created_at: datetime
    checked_in_at: datetime | None
    usable_from: datetime | None
    left_at: datetime | None
    return_by: datetime | None
    returned_at: datetime | None
    ended_at: datetime | None
    check_in_from: datetime
    check_in_until: datetime
    excused: bool
    assisted: AssistedOut | None
    held_until: datetime | None
    leave_minutes: int | None
    actions: list[str]


class ReservationDetail(ReservationOut):
    history: list[HistoryEntry]


class CurrentReaderOut(Response):
    reader: ReaderOut | None
    active: list[ReservationOut]
    violations_count: int
    suspended_until: datetime | None
    subscriptions: dict[str, int]


class WaiverOut(Response):
    reason: str
    at: datetime


class AppealOut(Response):
    """``answer`` is empty until ``settled_at``."""

    text: str
    at: datetime
    settled_at: datetime | None
    answer: str


NonBlankText = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class NewAppeal(Request):
    text: NonBlankText


class ViolationOut(Response):
    id: str
    kind: Literal["no_show", "away_timeout"]
    at: datetime
    counted: bool
    reservation: ReservationOut
    waived: bool
    waiver: WaiverOut | None
    appeal: AppealOut | None


class WindowOut(Response):
    count: int
    limit: int
    days: int


class ViolationsOut(Page[ViolationOut]):
    window: WindowOut


class JoinWaitlist(Request):
    """A place in the line for an area; ``seats``: only these will do."""

    area_id: Id
    date: date
    start: Start
    end: ClockTime
    seats: Annotated[list[Id], Meta(max_length=20)] = []
    window: bool = False
    power: bool = False

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset(mark for mark in FILTERABLE_FEATURES if getattr(self, mark))


class WaitlistEntryOut(Response):
    """``state``: waiting, offered, accepted, lapsed, left, over. ``ahead``: how many are before the
    reader. ``offer``: the seat that is held, to accept or decline until ``held_until``."""

    id: str
    area_id: str
    area: str
    seats: list[str]
    date: date
    start: datetime
    end: datetime
    state: str
    ahead: int | None
    made_at: datetime
    offer: ReservationOut | None


class ReportTaken(Request):
    kind: Literal["occupied", "belongings"]


class NearSeat(Response):
    id: str
    no: str
    label: str


class ReportOut(Response):
    """``nearest``: free seats for the rest of the time, for ``change``."""

    reservation: ReservationOut
    nearest: list[NearSeat]


class EmptySeatReportOut(Response):
    """``asked``: its reader has been asked to show that they are there."""

    asked: bool


# --- the library's desk -------------------------------------------------------------------------


class StaffAppealOut(Response):
    """An appeal that waits, with whose it is."""

    violation: ViolationOut
    reader: ReaderOut


class DecideAppeal(Request):
    granted: bool
    answer: NonBlankText


class Waive(Request):
    reason: NonBlankText


class WaiveAll(InstantRequest):
    """Every violation in [from, to)."""

    reason: NonBlankText
    start: Instant = field(name="from")
    end: Instant = field(name="to")


class DeskReportOut(Response):
    """A seat that somebody else has taken. ``kind``: occupied or belongings."""

    reservation_id: str
    seat: ReservedSeat
    start: datetime
    end: datetime
    kind: str
    at: datetime


class CodeSharingOut(Response):
    """A check-in by code that may have been passed on. ``reasons``: outside (a gate had seen the
    reader leave), crowd (many used that one code)."""

    reservation_id: str
    reader: ReaderOut
    kiosk: str
    at: datetime
    score: int
    reasons: list[str]


class WaivedOut(Response):
    waived: int


# --- messages -----------------------------------------------------------------------------------


class MessagesQuery(Pagination):
    unread: bool = False


class MessageOut(Response):
    id: str
    template: str
    title: str
    text: str
    at: datetime
    read: bool
    reservation_id: str | None


class MarkRead(Request):
    ids: Annotated[list[Id], Meta(max_length=100)]


# --- notices ------------------------------------------------------------------------------------


class NoticeOut(Response):
    id: str
    title: str
    published_at: datetime
    pinned: bool


class NoticeDetail(NoticeOut):
    """``body_html`` holds no script and no picture from elsewhere."""

    body_html: str


# --- machines -----------------------------------------------------------------------------------


class FreeOut(Response):
    name: str
    seats_free: int


class CardLogin(Request):
    """What the card reader typed."""

    card: Annotated[str, Meta(pattern="^[!-~]{4,32}$", max_length=32)]


class TouchOut(Response):
    """A session at the kiosk; the screen ends it after ``idle_seconds`` without a touch."""

    token: str
    expires_at: datetime
    idle_seconds: int
    reader: ReaderOut
    active: list[ReservationOut]


class KioskCheckIn(Request):
    reservation_id: Id


class KioskCodeOut(Response):
    """``free``: seats that are free now, by area; a query terminal shows none."""

    payload: str
    svg: str
    expires_at: datetime
    step_seconds: int
    kind: str
    free: list[FreeOut]


# --- gates --------------------------------------------------------------------------------------


class GateEvent(InstantRequest):
    """One passage. ``id`` is the gate's own and names it for ever."""

    id: Annotated[str, Meta(pattern="^[!-~]{1,64}$", max_length=64)]
    student_no: Annotated[str, Meta(min_length=1, max_length=32)]
    direction: Literal["in", "out"]
    method: Literal["card", "face"]
    at: Instant


class GateEvents(InstantRequest):
    """``events``: passages as GateEvent; one that is none is rejected alone. ``complete_until``:
    the gate has told of every passage before that, so that deadlines need not wait for it."""

    events: Annotated[
        list[Any],
        Meta(
            max_length=500,
            extra_json_schema={"items": {"$ref": "#/components/schemas/GateEvent"}},
        ),
    ]
    complete_until: Instant | None = None


class RejectedOut(Response):
    id: str
    code: str


class GateEventsOut(Response):
    accepted: int
    duplicates: int
    rejected: list[RejectedOut]


class GateRecordOut(Response):
    id: str
    gate: str
    direction: str
    method: str
    at: datetime
    effect: str


# --- errors -------------------------------------------------------------------------------------


class ErrorBody(Response):
    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(Response):
    error: ErrorBody
