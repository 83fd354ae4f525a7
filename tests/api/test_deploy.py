"""What deploy/ asks of /metrics is there: a dashboard that shows nothing is worse than none."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from handlers.texts.errors import TEXTS
from handlers.wechat.callback import CALLBACK_REJECTED
from miniapp_server.schedule import delivery_job
from miniapp_server.settings import SettingsError, load
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.variables import VARIABLES
from models.messages.entities import Channel, DeliveryState
from notify.wechat.retry_policy import SendStatus
from tests.living import ENCRYPTION_KEYS, Living

DEPLOY = Path(__file__).parents[2] / "deploy"
"""The repository's own files for an installation."""


def expressions() -> list[str]:
    board: Any = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    alerts = (DEPLOY / "alerts.yml").read_text("utf-8")
    rules = re.findall(r"^ +expr: (.+)$", alerts, re.M)
    titles = re.findall(r"- alert: (\w+)", alerts)
    assert len(set(titles)) == len(titles) == len(rules)
    assert len(shown) > 10 and len(rules) > 5
    return [*shown, *rules]


async def test_what_is_asked_for_is_measured(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve()
    await service.settle()
    told = str((await service.anonymous.get("//metrics")).body)
    names = set(re.findall(r"^# TYPE (\w+)", told, re.M))
    assert all(name.startswith("seat_") for name in names), names
    known = names | {f"{n}_{end}" for n in names for end in ("bucket", "count", "sum", "total")}
    values = {
        "job": {job.name for loop in service.scheduler.groups for job in loop.jobs}
        | {delivery_job(channel) for channel in Channel},
        "code": {*TEXTS, CALLBACK_REJECTED},
        "outcome": {*map(str, SendStatus), *map(str, DeliveryState)},
        "method": {"GET", "POST"},
        "kind": set(re.findall(r'kind="([^"]+)"', told)),
        "route": set(re.findall(r'route="([^"]+)"', told)),
    }
    for expression in expressions():
        for name in re.findall(r"\bseats?_\w+", expression):
            assert name in known, name
        # Other jobs of Prometheus, by their names in docs/deployment.md.
        ours = re.sub(r'job="seats(-https)?"', "", expression)
        for label, value in re.findall(r'\b(\w+)!?=~?"([^"]+)"', ours):
            if label != "status":
                assert set(value.split("|")) <= values[label], (label, value)


def test_the_example_of_the_environment_names_every_setting_and_works(tmp_path: Path) -> None:
    example = DEPLOY / "env.example"
    text = example.read_text("utf-8")
    assert set(re.findall(r"^#?([A-Z_]+)=", text, re.M)) == VARIABLES
    (tmp_path / "ca.pem").touch()
    text = text.replace("/etc/seats", str(tmp_path))
    shutil.copy(DEPLOY / "templates.example.json", tmp_path / "templates.json")
    # As it is, and with every line that is commented out: each is a value that is taken.
    for written in (text, re.sub(r"^#([A-Z_]+=)", r"\1", text, flags=re.M)):
        file = tmp_path / "env"
        file.write_text(written, encoding="utf-8")
        env = read_env_file(file)
        with pytest.raises(SettingsError, match="ENCRYPTION_KEYS"):
            load(env)  # nobody shall run on a key that is public
        found = load({**env, "ENCRYPTION_KEYS": ENCRYPTION_KEYS})
        assert not found.sandbox and not found.templates_missing
        assert "authSource=admin" in found.mongo_url and found.trusted_proxies


@pytest.mark.parametrize("unit", ["seats.service", "seats-backup.service"])
async def test_systemd_reads_the_units_and_finds_them_shut(unit: str, tmp_path: Path) -> None:
    exposure = await systemd_analyze("security", "--offline=true", "--threshold=20", DEPLOY / unit)
    assert exposure[0] == 0, exposure[1]  # at most 2.0
    here = tmp_path / unit
    text = (DEPLOY / unit).read_text("utf-8").replace("/opt/seats", str(DEPLOY.parent))
    here.write_text(text, encoding="utf-8")
    assert await systemd_analyze("verify", "--man=no", here) == (0, "")


async def systemd_analyze(*args: str | Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *("systemd-analyze", *map(str, args)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()
