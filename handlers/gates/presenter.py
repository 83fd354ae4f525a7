"""TODO docstring."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.api import schemas as s
from models.gates.entities import GateEvent, GateId
from models.kernel.time_range import to_local


def passage(p: GateEvent, names: Mapping[GateId, str]) -> s.GateRecordOut:
    return s.GateRecordOut(
        p.id,
        names.get(p.gate_id, p.gate_id),
        p.direction.value,
        p.method,
        to_local(p.at),
        p.effect.value,
    )
