"""座位条件: the features of seats that the library defines itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import Lines, decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.texts.feature_icons import ICON_PATHS, ICON_TEXT
from handlers.texts.floor_files import WORDS
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.errors import FeaturesChanged
from models.library.feature_rules import LONGEST_LATIN, MOST_FEATURES
from models.library.seat_features import SeatFeature
from models.library.staff.features import StaffSeatFeatures
from models.staff.audit import AuditAction


class FeatureForm(msgspec.Struct):
    """``others``: a line for each further language, its tag before the name."""

    name: str
    english: str = ""
    others: Lines = ""
    icon: str = ""
    filter: bool = False


async def features(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    catalog = visit[REFERENCE].catalog
    seats = (s for area in catalog.known_areas for s in (*area.seats, *area.retired_seats))
    return render(
        visit,
        "features",
        features=catalog.features.all,
        rev=catalog.features.rev,
        counts=Counter(id for seat in seats for id in seat.features),
        changes=visit.may_in(None, Role.ADMINISTRATOR),
        full=len(catalog.features.in_use) >= MOST_FEATURES,
        most=MOST_FEATURES,
        longest_name=LONGEST_LATIN,
        icons=ICON_PATHS,
        icon_text=ICON_TEXT,
    )


async def add_feature(visit: PageRequest, form: Form) -> web.StreamResponse:
    await _check_current(visit, form)
    feature = _typed(visit, form, SeatFeature("", {}, ""))
    await visit[StaffSeatFeatures].add(staff_context(visit), feature, WORDS.columns.keys())
    return redirect(f"/console/features?done={AuditAction.ADD_FEATURE}")


async def change_feature(visit: PageRequest, form: Form) -> web.StreamResponse:
    await _check_current(visit, form)
    context, staff = staff_context(visit), visit[StaffSeatFeatures]
    done = AuditAction.CHANGE_FEATURE
    match form_text(form, "operation"):
        case "change":
            feature = _typed(visit, form, staff.get(visit.id))
            await staff.change(context, feature, WORDS.columns.keys())
        case "up":
            await staff.put_up(context, visit.id)
        case "retire":
            done = AuditAction.RETIRE_FEATURE
            await staff.set_retired(context, visit.id, retired=True)
        case "restore":
            done = AuditAction.RESTORE_FEATURE
            await staff.set_retired(context, visit.id, retired=False)
        case _:
            raise NotFound()
    return redirect(f"/console/features?done={done}")


async def _check_current(visit: PageRequest, form: Form) -> None:
    """Raises: FeaturesChanged if the form shows an older revision of the features."""
    await visit[REFERENCE].refresh()
    require_current(form, visit[REFERENCE].catalog.features.rev, FeaturesChanged)


def _typed(visit: PageRequest, form: Form, old: SeatFeature) -> SeatFeature:
    """``old`` with the names, icon and filter of the form. Raises: Malformed."""
    typed = decode(visit.zone, form, FeatureForm)
    names = {"zh": typed.name.strip(), "en": typed.english.strip()}
    for line in filter(None, map(str.strip, typed.others.splitlines())):
        tag, _, name = line.partition(" ")
        if not name:
            raise Malformed("others", "feature_names_format")
        names[tag] = name.strip()
    return replace(
        old,
        names={tag: name for tag, name in names.items() if name},
        icon=typed.icon,
        filter=typed.filter,
    )
