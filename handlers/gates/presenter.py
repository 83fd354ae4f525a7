from __future__ import annotations

from collections.abc import Mapping

from handlers.gates import schemas
from models.gates.entities import GateEvent, GateId
from models.kernel.time_range import to_local


def passage(p: GateEvent, names: Mapping[GateId, str]) -> schemas.GateRecordOut:
    return schemas.GateRecordOut(
        p.id,
        names.get(p.gate_id, p.gate_id),
        p.direction.value,
        p.method,
        to_local(p.at),
        p.effect.value,
    )
