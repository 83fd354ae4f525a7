from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.kernel.days import days_document, read_days
from models.kernel.ids import ReaderId
from models.library.entities import AreaId, SeatId
from models.reader_groups.entities import (
    CampusPattern,
    GroupId,
    GroupLimits,
    Membership,
    MembershipSource,
    ReaderGroup,
)
from models.storage.mongo import Document


def group_document(g: ReaderGroup) -> Document:
    document: Document = {
        "_id": g.id,
        "name": g.name,
        "shown_name": g.shown_name,
        "max_minutes": g.limits.max_minutes,
        "booking_window_days": g.limits.booking_window_days,
        "at_least": sorted(g.limits.at_least),
        "areas": sorted(g.areas),
        "seats": sorted(g.seats),
        "patterns": [[pattern.attribute, pattern.value] for pattern in g.patterns],
        "rev": g.rev,
    }
    if g.default:  # stored only if true: a unique index allows one default group
        document["default"] = True
    return document


def read_group(d: Document) -> ReaderGroup:
    return ReaderGroup(
        GroupId(d["_id"]),
        d["name"],
        d["shown_name"],
        d.get("default", False),
        GroupLimits(d["max_minutes"], d["booking_window_days"], frozenset(d.get("at_least", ()))),
        frozenset(AreaId(id) for id in d["areas"]),
        frozenset(SeatId(id) for id in d["seats"]),
        tuple(CampusPattern(attribute, value) for attribute, value in d["patterns"]),
        d["rev"],
    )


def membership_document(m: Membership) -> Document:
    return {
        "group": m.group_id,
        "source": m.source.value,
        **days_document(m.first, m.last),
        "by": m.by,
        "at": m.at,
    }


def read_memberships(rows: Sequence[Document] | None) -> tuple[Membership, ...]:
    return tuple(_membership(row) for row in rows) if rows else ()


def _membership(d: Document) -> Membership:
    by: Any = d["by"]
    return Membership(
        GroupId(d["group"]),
        MembershipSource(d["source"]),
        *read_days(d),
        ReaderId(by) if by else None,
        d["at"],
    )
