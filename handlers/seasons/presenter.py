from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from handlers.reservations import presenter as reservations
from handlers.seasons.schemas import (
    LossOut,
    ProofOut,
    SeasonApplicationOut,
    SeasonAreaOut,
    SeasonDetail,
    SeasonOut,
    SourceOut,
    ThingOut,
)
from handlers.texts.seasons import ANY_THING
from models.kernel.zone import Zone
from models.library.entities import Area, Catalog, Seat
from models.reference_data import ReferenceData
from models.seasons.calculation import ANY, FORMAT
from models.seasons.entities import (
    Application,
    InclusionProof,
    RankedEntry,
    Season,
    SeasonKind,
    Thing,
    Which,
)
from models.seasons.rules import stage

_DAY: Final = timedelta(days=1)


def season(zone: Zone, one: Season, now: datetime) -> SeasonOut:
    return SeasonOut(**_facts(zone, one, now))


def detail(reference: ReferenceData, one: Season, weight: int, now: datetime) -> SeasonDetail:
    """The season with all that it gives. ``weight``: that of the reader now."""
    return SeasonDetail(
        **_facts(reference.zone, one, now),
        given=[_given(reference, one.plan.kind, given) for given in one.plan.given],
        areas=[
            SeasonAreaOut(area.id, reference.catalog.area_name(area), [seat.id for seat in seats])
            for area, seats in plans(reference.catalog, one)
        ],
        weight=weight,
    )


def plans(catalog: Catalog, one: Season) -> list[tuple[Area, list[Seat]]]:
    """The areas on whose plans the season gives seats, with these; none for lockers."""
    ids = {*one.plan.ids} if one.plan.kind is SeasonKind.SEATS else set()
    areas = ((a, [seat for seat in a.seats if seat.id in ids]) for a in catalog.areas_in_use)
    return [(area, seats) for area, seats in areas if seats]


def _facts(zone: Zone, one: Season, now: datetime) -> dict[str, Any]:
    plan, frozen, draw = one.plan, one.list, one.draw
    first, alternative = plan.sources[Which.FIRST], plan.sources[Which.ALTERNATIVE]
    return {
        "id": one.id,
        "title": plan.title,
        "kind": plan.kind,
        "stage": stage(one, now),
        "first": plan.first,
        "last": plan.last,
        "start": f"{plan.hours[0]:%H:%M}" if plan.hours is not None else None,
        "end": f"{plan.hours[1]:%H:%M}" if plan.hours is not None else None,
        "come_by": f"{plan.come_by:%H:%M}" if plan.come_by is not None else None,
        "unused_days": plan.unused_days,
        "grace_days": plan.grace_days,
        "gives": len(plan.given),
        "most_wishes": plan.most_wishes,
        "opens_at": zone.local(plan.opens_at),
        "closes_at": zone.local(plan.closes_at),
        "first_value": SourceOut(first.text, zone.local(first.at)),
        "alternative_value": SourceOut(alternative.text, zone.local(alternative.at)),
        "reveal_by": zone.local(plan.reveal_by),
        "rule": one.rule,
        "rule_hash": one.rule_hash,
        "commitment": one.commitment,
        "applications": one.applications,
        "root": frozen.root if frozen is not None else None,
        "count": frozen.count if frozen is not None else None,
        "frozen_at": zone.local(frozen.at) if frozen is not None else None,
        "value": draw.value if draw is not None else None,
        "drawn_at": zone.local(draw.at) if draw is not None else None,
        "reason": one.reason,
    }


def thing(reference: ReferenceData, one: Season, id: str) -> ThingOut:
    """A seat or locker of the season, or the wish for any."""
    if id == ANY:
        return ThingOut(ANY, ANY_THING, "", "", 0)
    wished = next((given for given in one.plan.given if given.id == id), Thing(id))
    return _given(reference, one.plan.kind, wished)


def _given(reference: ReferenceData, kind: SeasonKind, one: Thing) -> ThingOut:
    seats = kind is SeasonKind.SEATS
    label = reservations.seat(reference, one.id).label if seats else one.id
    return ThingOut(one.id, label, one.size, one.place, one.row)


def application(
    reference: ReferenceData,
    one: Season,
    own: Application,
    proof: InclusionProof | None,
    offers: Sequence[str] = (),
) -> SeasonApplicationOut:
    """The reader's application. ``offers``: what others offer for what the reader has."""
    local, lost, swap = reference.zone.local, own.lost, own.swap
    unused = own.warned if one.plan.kind is SeasonKind.SEATS else 0
    from_day = max(one.written + _DAY, one.plan.first) if one.plan.hours is not None else None
    return SeasonApplicationOut(
        season_id=one.id,
        wishes=[thing(reference, one, wish) for wish in own.wishes],
        salt=own.salt,
        token=own.entry.token,
        made_at=local(own.made_at),
        changed_at=local(own.changed_at),
        weight=own.weight,
        proof=_proof(proof) if proof is not None else None,
        rank=own.rank,
        thing=thing(reference, one, own.thing) if own.thing is not None else None,
        lost=LossOut(thing(reference, one, lost.thing), local(lost.at), lost.reason)
        if lost is not None
        else None,
        from_day=from_day if own.thing is not None else None,
        unused=unused,
        swap=thing(reference, one, swap) if swap is not None else None,
        offers=[thing(reference, one, each) for each in offers],
    )


def _proof(proof: InclusionProof) -> ProofOut:
    return ProofOut(proof.leaf, proof.index, proof.count, [*proof.path], proof.root)


def file(zone: Zone, one: Season, ranked: Sequence[RankedEntry]) -> dict[str, Any]:
    """The content of the season's file, as docs/draw.md specifies it."""
    frozen, draw = one.list, one.draw
    return {
        "format": FORMAT,
        "rule": one.rule,
        "rule_hash": one.rule_hash,
        "commitment": one.commitment,
        "given": [*one.plan.ids],
        "root": frozen.root if frozen is not None else None,
        "count": frozen.count if frozen is not None else None,
        "frozen_at": zone.local(frozen.at).isoformat() if frozen is not None else None,
        "which": draw.which.value if draw is not None else None,
        "source": one.plan.sources[draw.which].text if draw is not None else None,
        "value": draw.value if draw is not None else None,
        "drawn_at": zone.local(draw.at).isoformat() if draw is not None else None,
        "secret": one.secret or None,
        "applications": [
            {
                "token": each.entry.token,
                "weight": each.entry.weight,
                "wishes": [*each.entry.wishes],
                "leaf": each.entry.leaf,
            }
            for each in ranked
        ],
        "assignment": [each.thing for each in ranked],
    }


def labels(reference: ReferenceData, one: Season) -> dict[str, str]:
    """The labels of all that the season gives, by id."""
    kind = one.plan.kind
    return {given.id: _given(reference, kind, given).label for given in one.plan.given}
