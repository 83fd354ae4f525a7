"""Changes to kiosks and gates: name or venue, order, retirement, deletion."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.kiosks.console.devices import (
    LONGEST_NAME,
    DeviceForm,
    NewKey,
    devices_beside,
    devices_page,
    find_device,
    known_venue,
)
from handlers.staff.forms import decode
from handlers.staff.layout import staff_context
from handlers.staff.names_form import typed_names
from models.kiosks.errors import DeviceChanged
from models.kiosks.staff.devices import Device, StaffDevices
from models.library.entities import Kiosk, VenueId
from models.library.names import names_text
from models.staff.audit import AuditAction


def _as_shown(device: Device, form: Form) -> Device:
    """The device with its name and venue when the form was loaded, to detect concurrent changes.
    Raises: DeviceChanged if its names in further languages are other ones by now."""
    if isinstance(device, Kiosk) and form_text(form, "was_names") != names_text(device.names):
        raise DeviceChanged()
    venue = VenueId(form_text(form, "was_venue"))
    return replace(device, name=form_text(form, "was_name"), venue_id=venue)


async def change_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    device, typed = await find_device(visit), decode(visit.zone, form, DeviceForm)
    old = _as_shown(device, form)
    new = replace(device, name=typed.name, venue_id=known_venue(visit, typed))
    if isinstance(new, Kiosk):
        new = replace(new, names=typed_names(form, new.names, LONGEST_NAME))
    await visit[StaffDevices].change(staff_context(visit), old, new, form_reason(form))
    return redirect(f"/console/devices?done={AuditAction.CHANGE_DEVICE}")


async def move_device_up(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Moves the device one place up among the devices of its kind in its venue. Raises:
    DeviceChanged if its place is no longer the one in the form."""
    device = await find_device(visit)
    beside = await devices_beside(visit, device)
    place = next((n for n, other in enumerate(beside) if other.id == device.id), 0)
    if place == 0 or form_text(form, "was_place") != str(place):
        raise DeviceChanged()
    beside.insert(place - 1, beside.pop(place))
    await visit[StaffDevices].put_in_order(staff_context(visit), beside)
    return redirect(f"/console/devices?done={AuditAction.ORDER_DEVICES}")


async def retire_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Retires the device; its key is refused from now on."""
    old = _as_shown(replace(await find_device(visit), retired=False), form)
    await visit[StaffDevices].change(
        staff_context(visit), old, replace(old, retired=True), form_reason(form)
    )
    return redirect(f"/console/devices?done={AuditAction.RETIRE_DEVICE}")


async def bring_back_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Brings the device back into use. Only this response shows the device's new key."""
    old = _as_shown(replace(await find_device(visit), retired=True), form)
    key = await visit[StaffDevices].bring_back(staff_context(visit), old, form_reason(form))
    return await devices_page(visit, NewKey(visit.request.match_info["kind"], old.id, key))


async def delete_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Deletes a device that has never contacted the service."""
    device = await find_device(visit)
    await visit[StaffDevices].delete(staff_context(visit), device, form_reason(form))
    return redirect(f"/console/devices?done={AuditAction.DELETE_DEVICE}")
