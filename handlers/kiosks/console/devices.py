"""Kiosks, gates and their keys, and the ways of proving presence in each venue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, SITE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.kiosks.console.pairing import confirmation, request_with_code
from handlers.staff.forms import ID, decode
from handlers.staff.layout import render, staff_context
from handlers.texts.console_labels import (
    KIOSK_TEXT,
    LABELS_ALONE_TEXT,
    SOURCE_NOTE_TEXT,
    SOURCE_TEXT,
)
from languages.catalogue import LANGUAGES
from models.gates.entities import Gate, GateId
from models.gates.service import GateService
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.kiosks.service import KioskService
from models.kiosks.staff.devices import Device, StaffDevices
from models.library.entities import (
    Kiosk,
    KioskId,
    PresenceSource,
    Venue,
    VenueId,
    device_order,
)
from models.library.errors import VenueChanged
from models.library.names import names_text
from models.staff.audit import AuditAction

LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key of a device, to be shown once. ``kind``: kiosk or gate."""

    kind: str
    id: str
    key: str


class DeviceForm(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    venue: str


class NewDevice(DeviceForm):
    """The form of a new device. Only kiosks have ``kind`` and ``code`` (the pairing code)."""

    id: Annotated[str, Meta(pattern=ID)]
    device: Literal["kiosk", "gate"]
    kind: str = ""
    code: str = ""


async def devices(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return await devices_page(visit)


async def devices_page(visit: PageRequest, new: NewKey | None = None) -> web.Response:
    """The page with all devices. ``new``: a key just created, which only this response shows."""
    catalog, last_seen = visit[REFERENCE].catalog, await visit[KioskService].last_seen()
    mine = [k for k in catalog.kiosks.values() if visit.sees(k.venue_id)]
    gates = [gate for gate in await _gates(visit) if visit.sees(gate.venue_id)]
    venues = {id: v for id, v in catalog.venues.items() if visit.sees(id)}
    return render(
        visit,
        "devices",
        kiosks=mine,
        last_seen=last_seen,
        places=_places("kiosk", mine) | _places("gate", [g for g in gates if not g.retired]),
        holders=await visit[KioskService].key_holders(),
        paired=next((k for k in mine if k.id == visit.request.query.get("paired")), None),
        gates=[gate for gate in gates if not gate.retired],
        retired_kiosks=[k for k in catalog.retired_kiosks.values() if visit.sees(k.venue_id)],
        retired_gates=[gate for gate in gates if gate.retired],
        unchanged="unchanged" in visit.request.query,
        venues=venues,
        revisions=_revisions(venues.values()),
        labels_alone={id for id, v in venues.items() if _labels_alone(v, [*mine, *gates])},
        labels_alone_text=LABELS_ALONE_TEXT,
        sources=SOURCE_TEXT,
        source_notes=SOURCE_NOTE_TEXT,
        kinds=KIOSK_TEXT,
        base=visit[SITE].public_base_url,
        changes=visit.may(Role.ADMINISTRATOR),
        longest_name=LONGEST_NAME,
        languages=LANGUAGES.values(),
        names_text=names_text,
        new=new,
    )


def _revisions(venues: Iterable[Venue]) -> str:
    return " ".join(f"{venue.id}:{venue.rev}" for venue in venues)


def _labels_alone(venue: Venue, devices: Sequence[Device]) -> bool:
    """True if seat labels prove presence in this venue, and no kiosk or gate there does."""
    source = {Kiosk: PresenceSource.KIOSK, Gate: PresenceSource.GATE}
    here = {source[type(d)] for d in devices if d.venue_id == venue.id and not d.retired}
    sources = venue.presence_sources
    return PresenceSource.SEAT_LABEL in sources and not here & sources


async def _gates(visit: PageRequest) -> list[Gate]:
    venues = list(visit[REFERENCE].catalog.venues)
    return sorted(
        await visit[GateService].all(),
        key=lambda g: device_order(venues, g.venue_id, g.order, g.name, g.id),
    )


def _places(kind: str, devices: Sequence[Device]) -> dict[str, int]:
    """The position of each device among the devices of its venue, from 0, by ``kind:id``."""
    by_venue = Counter[VenueId]()
    places = {}
    for device in devices:
        places[f"{kind}:{device.id}"] = by_venue[device.venue_id]
        by_venue[device.venue_id] += 1
    return places


async def devices_beside(visit: PageRequest, device: Device) -> list[Device]:
    """All devices of the device's kind and venue that are not retired, in display order."""
    kiosks = visit[REFERENCE].catalog.kiosks.values()
    all_of_them: Iterable[Device] = kiosks if isinstance(device, Kiosk) else await _gates(visit)
    return [d for d in all_of_them if d.venue_id == device.venue_id and not d.retired]


async def add_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds a kiosk or a gate. Only this response shows the device's first key."""
    await visit[REFERENCE].refresh()
    typed = decode(visit.zone, form, NewDevice)
    device, screen = _read(visit, typed), None
    if typed.code:
        if not isinstance(device, Kiosk):
            raise Malformed("code", "not_for_gates")
        screen = await request_with_code(visit, form)
    key = await visit[StaffDevices].add(staff_context(visit), device, form_reason(form))
    if screen is not None and isinstance(device, Kiosk):
        return await confirmation(visit, device, screen, form)
    return await devices_page(visit, NewKey(typed.device, device.id, key))


def _read(visit: PageRequest, typed: NewDevice) -> Device:
    """The kiosk or gate that the form describes. Raises: Malformed."""
    venue = known_venue(visit, typed)
    if typed.device == "gate":
        return Gate(GateId(typed.id), venue, typed.name)
    if typed.kind not in KIOSK_TEXT:
        raise Malformed("kind", "device_kind_missing")
    return Kiosk(KioskId(typed.id), venue, typed.name, typed.kind)


def known_venue(visit: PageRequest, typed: DeviceForm) -> VenueId:
    """The venue chosen in the form. Raises: Malformed if it does not exist."""
    venue = VenueId(typed.venue)
    if venue not in visit[REFERENCE].catalog.venues:
        raise Malformed("venue", "venue_missing")
    return venue


async def find_device(visit: PageRequest) -> Device:
    """The kiosk or gate that the URL names, retired or not. Raises: NotFound."""
    await visit[REFERENCE].refresh()
    kind, catalog = visit.request.match_info["kind"], visit[REFERENCE].catalog
    device: Device | None = None
    if kind == "kiosk":
        id = KioskId(visit.id)
        device = catalog.kiosks.get(id) or catalog.retired_kiosks.get(id)
    elif kind == "gate":
        device = next((g for g in await visit[GateService].all() if g.id == visit.id), None)
    if device is None:
        raise NotFound()
    return device


async def rotate_key(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Replaces the device's key. From then on the old key is refused."""
    kind, device = visit.request.match_info["kind"], await find_device(visit)
    key = await visit[StaffDevices].rotate_key(staff_context(visit), device, form_reason(form))
    return await devices_page(visit, NewKey(kind, device.id, key))


async def change_presence_sources(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sets the presence sources of the form's venues, which are all that the page shows. Raises:
    VenueChanged if one of them was changed or added since."""
    reference = visit[REFERENCE]
    await reference.refresh()  # another worker may have changed it
    venues = [venue for venue in reference.catalog.venues.values() if visit.sees(venue.id)]
    if form_text(form, "base") != _revisions(venues):
        raise VenueChanged()
    changed = []
    for venue in venues:
        sources = {one for one in PresenceSource if form_text(form, f"{one.value}@{venue.id}")}
        if sources != venue.presence_sources:
            changed.append(replace(venue, presence_sources=frozenset(sources)))
    if not changed:
        return redirect("/console/devices?unchanged")
    await visit[StaffDevices].change_presence_sources(
        staff_context(visit), changed, form_reason(form)
    )
    return redirect(f"/console/devices?done={AuditAction.CHANGE_VENUE}")
