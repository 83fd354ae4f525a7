"""What deploy/ asks of /metrics is there: a dashboard that shows nothing is worse than none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from models.message import DeliveryState
from notify.wechat.verdicts import SendOutcome
from tests.living import Living

DEPLOY = Path(__file__).parents[2] / "deploy"
"""The repository's own files for an installation."""


def expressions() -> list[str]:
    board: Any = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    rules = re.findall(r"^ +expr: (.+)$", (DEPLOY / "alerts.yml").read_text("utf-8"), re.M)
    assert len(shown) > 10 and len(rules) > 5
    return [*shown, *rules]


async def test_what_is_asked_for_is_measured(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve()
    await service.settle()
    told = str((await service.anonymous.get("//metrics")).body)
    names = set(re.findall(r"^# TYPE (\w+)", told, re.M))
    known = names | {f"{n}_{end}" for n in names for end in ("bucket", "count", "sum", "total")}
    values = {
        "job": {job.name for loop in service.parts.runner.loops for job in loop.jobs},
        "code": {"busy"},
        "outcome": {*map(str, SendOutcome), *map(str, DeliveryState)},
        "method": {"GET", "POST"},
        "route": set(re.findall(r'route="([^"]+)"', told)),
    }
    for expression in expressions():
        for name in re.findall(r"\bseat_\w+", expression):
            assert name in known, name
        ours = expression.replace('job="seats"', "")
        for label, value in re.findall(r'\b(\w+)!?=~?"([^"]+)"', ours):
            if label != "status":
                assert set(value.split("|")) <= values[label], (label, value)
