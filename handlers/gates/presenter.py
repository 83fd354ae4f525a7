from __future__ import annotations

from collections.abc import Mapping

from handlers.gates import schemas
from models.gates.entities import GateEvent, GateId
from models.kernel.zone import Zone


def passage(zone: Zone, p: GateEvent, names: Mapping[GateId, str]) -> schemas.GateRecordOut:
    return schemas.GateRecordOut(
        p.id,
        names.get(p.gate_id, p.gate_id),
        p.direction.value,
        p.method,
        zone.local(p.at),
        p.effect.value,
    )
