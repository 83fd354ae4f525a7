"""Kiosks and gates over the years: another name or venue, out of use and back, deleted."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.kiosks.console.devices import (
    NewKey,
    devices_beside,
    devices_page,
    find_device,
    read_name,
    read_venue,
)
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import staff_context
from models.kernel.errors import InvalidRequest
from models.kiosks.errors import DeviceChanged, DeviceUsed
from models.kiosks.staff.devices import Device, StaffDevices
from models.library.entities import VenueId

_DONE = "/console/devices?done"


def _as_shown(device: Device, form: Form) -> Device:
    """The device as the form was made from it: who changes another one is told."""
    venue = VenueId(form_text(form, "was_venue"))
    return replace(device, name=form_text(form, "was_name"), venue_id=venue)


async def change_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another name or another venue."""
    device = await find_device(visit)
    typed = typed_in(form, ("name", "venue", "reason"))
    try:
        name, venue = read_name(typed), read_venue(visit, typed)
        old = _as_shown(device, form)
        new = replace(device, name=name, venue_id=venue)
        await visit[StaffDevices].change(staff_context(visit), old, new, form_reason(form))
    except (InvalidRequest, DeviceChanged) as error:
        return await _again(visit, error, typed)
    return redirect(_DONE)


async def move_device_up(visit: PageRequest, form: Form) -> web.StreamResponse:
    """One place further up among those of its kind in its venue."""
    device = await find_device(visit)
    beside = await devices_beside(visit, device)
    place = next((n for n, other in enumerate(beside) if other.id == device.id), 0)
    try:
        if place == 0 or form_text(form, "was_place") != str(place):
            raise DeviceChanged()
        beside.insert(place - 1, beside.pop(place))
        await visit[StaffDevices].put_in_order(staff_context(visit), beside)
    except DeviceChanged as error:
        return await _again(visit, error, {})
    return redirect(_DONE)


async def retire_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Out of use: its key is refused from now on."""
    device, typed = await find_device(visit), typed_in(form, ("reason",))
    try:
        old = _as_shown(replace(device, retired=False), form)
        await visit[StaffDevices].change(
            staff_context(visit), old, replace(old, retired=True), form_reason(form)
        )
    except (InvalidRequest, DeviceChanged) as error:
        return await _again(visit, error, typed)
    return redirect(_DONE)


async def bring_back_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """In use again, with another key, which is shown this once."""
    device, typed = await find_device(visit), typed_in(form, ("reason",))
    try:
        old = _as_shown(replace(device, retired=True), form)
        key = await visit[StaffDevices].bring_back(staff_context(visit), old, form_reason(form))
    except (InvalidRequest, DeviceChanged) as error:
        return await _again(visit, error, typed)
    return await devices_page(visit, new=NewKey(visit.request.match_info["kind"], device.id, key))


async def delete_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Gone, where it was never heard of."""
    device, typed = await find_device(visit), typed_in(form, ("reason",))
    try:
        await visit[StaffDevices].delete(staff_context(visit), device, form_reason(form))
    except (InvalidRequest, DeviceUsed) as error:
        return await _again(visit, error, typed)
    return redirect(_DONE)


async def _again(
    visit: PageRequest, error: InvalidRequest | DeviceChanged | DeviceUsed, typed: dict[str, str]
) -> web.Response:
    """The page with what is wrong; what was typed stands with its device."""
    device = f"{visit.request.match_info['kind']}:{visit.id}"
    shown = refusal(visit, error, typed)
    return await devices_page(visit, **shown | {"typed": {}, "edited": {device: typed}})
