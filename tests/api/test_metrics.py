"""/metrics under the names that dashboard, alerts and documents use."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from handlers.texts.errors import TEXTS
from handlers.wechat.callback import CALLBACK_REJECTED
from miniapp_server.cli.commands.service import JOBS
from miniapp_server.schedule import delivery_job
from models.messages.entities import Channel, DeliveryState
from models.webhooks.entities import WebhookDeliveryState
from notify.outgoing_calls import CallOutcome, OutgoingSystem
from notify.wechat.retry_policy import SendStatus
from tests.living import SEAT, Client, Living
from tests.promtool import promtool

ROOT: Final = Path(__file__).parents[2]
OUTCOMES: Final = (SendStatus, DeliveryState, CallOutcome, WebhookDeliveryState)
OF_PROMETHEUS: Final = {"job", "instance"}
"""Labels that Prometheus sets itself: those of the same name get lost."""


async def scrape(service: Living) -> str:
    return str((await service.anonymous.get("//metrics")).body)


def value(metrics: str, series: str) -> float:
    """The value of a metric with its labels, in the order of their names."""
    matches = re.findall(rf"^{re.escape(series)} (\S+)$", metrics, re.M)
    assert len(matches) == 1, (series, matches)
    return float(matches[0])


async def take_part(service: Living) -> tuple[Client, Client]:
    """Makes a used booking, a missed one, and a refused request for a taken seat."""
    present, absent = await service.reader(), await service.reader()
    await absent.accept("RESERVED")
    made = await present.reserve(start="now", end="10:00")
    await present.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await absent.reserve("2f-hall-066", "09:00", "10:00")
    wish = {"seat_id": SEAT, "date": service.today, "start": "now", "end": "09:00"}
    await absent.refused("409 seat_taken", "POST", "/reservations", wish)
    return present, absent


async def test_events_are_counted_and_queue_ages_are_reported(service: Living) -> None:
    began = service.clock.now()
    _, absent = await take_part(service)
    # Nobody writes the messages; a scrape alone asks the database nothing about it.
    await service.jump("08:10")
    assert "seat_queue_due_since_timestamp_seconds{" not in await scrape(service)
    await service.settle({"measure_queues"})
    metrics = await scrape(service)
    since = value(metrics, 'seat_queue_due_since_timestamp_seconds{queue="outbox"}')
    assert abs(since - began.timestamp()) < 60
    empty = value(metrics, 'seat_queue_due_since_timestamp_seconds{queue="wechat"}')
    assert empty > (began + timedelta(minutes=9)).timestamp()

    # Now they are written, and wait to be sent; and a reader's words wait for their check.
    await service.settle({"dispatch_outbox"})
    await absent.ok("POST", "/seats/2f-hall-012/faults", {"kind": "chair", "text": "椅子松动"})
    queued = service.clock.now().timestamp()
    await service.jump("08:25")
    await service.settle({"measure_queues"})
    metrics = await scrape(service)
    due_since = "seat_queue_due_since_timestamp_seconds"
    # A message is due from the moment that it tells of.
    for queue, expected in (("wechat", began.timestamp()), ("text_checks", queued)):
        assert abs(value(metrics, f'{due_since}{{queue="{queue}"}}') - expected) < 60, queue
    await service.settle()
    await service.move("09:40")
    await service.settle({"measure_queues"})
    metrics = await scrape(service)
    since = value(metrics, 'seat_queue_due_since_timestamp_seconds{queue="outbox"}')
    assert since >= (began + timedelta(minutes=99)).timestamp(), "nothing waits any more"
    events = "seat_reservation_events_total"
    assert value(metrics, f'{events}{{event="reserve",via="mini"}}') == 2
    assert value(metrics, f'{events}{{event="reserve",via="web"}}') == 0
    assert value(metrics, f'{events}{{event="check_in",via="mini"}}') == 1
    assert value(metrics, f'{events}{{event="miss",via="system"}}') == 1
    assert value(metrics, 'seat_refusals_total{code="seat_taken"}') == 1
    assert value(metrics, "seat_claims_total") > 10
    sent = 'seat_outgoing_seconds_count{outcome="answered",system="wechat"}'
    assert value(metrics, sent) >= 1


def expressions() -> list[str]:
    board: Any = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    expressions = [
        target["expr"] for panel in board["panels"] for target in panel.get("targets", ())
    ]
    alerts = (ROOT / "deploy" / "alerts.yml").read_text("utf-8")
    rules = re.findall(r"^ +expr: (.+)$", alerts, re.M)
    titles = re.findall(r"- alert: (\w+)", alerts)
    assert len(set(titles)) == len(titles) == len(rules)
    assert len(expressions) > 10 and len(rules) > 5
    return [*expressions, *rules]


async def test_requests_are_counted_by_declared_path_and_unknown_paths_together(
    service: Living,
) -> None:
    """Neither an undeclared path nor an undeclared method makes a series of its own; the refusal of
    a method lists the allowed ones."""
    nowhere, reader = ("//nowhere", "//areas/x/y/z", "/nowhere/1"), await service.reader()
    for path in nowhere:
        assert (await service.anonymous.get(path)).status == 404
    refused = await service.anonymous.call("DELETE", "//areas/2f-hall")
    assert refused.status == 405 and "GET" in refused.headers["Allow"]
    await reader.ok("GET", "/areas/2f-hall/map")
    metrics = await scrape(service)
    series = 'seat_http_request_seconds_count{{method="{}",route="{}",status="{}"}}'
    assert value(metrics, series.format("GET", "-", 404)) == len(nowhere)
    assert value(metrics, series.format("DELETE", "-", 405)) == 1
    assert value(metrics, series.format("GET", "/api/v1/areas/{id}/map", 200)) == 1
    assert "nowhere" not in metrics


@pytest.mark.whole
async def test_job_rounds_report_their_last_end_and_delay(service: Living) -> None:
    rounds = {group.name: group for group in service.scheduler.groups}
    for name in ("note_load", "prune"):
        for _ in range(2):
            await service.scheduler.run_round(rounds[name])
    metrics = await scrape(service)
    now = service.clock.real_now().timestamp()
    for name in ("note_load", "prune"):
        ended = value(metrics, f'seat_job_last_success_timestamp_seconds{{job_name="{name}"}}')
        assert 0 <= now - ended < 60, name
        # The first round is late by nothing: nobody knows when the one before was.
        assert value(metrics, f'seat_job_delay_seconds_count{{job_name="{name}"}}') == 1
        assert value(metrics, f'seat_job_delay_seconds_sum{{job_name="{name}"}}') == 0
    assert value(metrics, "seat_changes_under_way") == value(metrics, "seat_changes_waiting") == 0
    assert value(metrics, "seat_opening_draw_waiting") == 0
    assert value(metrics, "seat_mongodb_round_trip_seconds_count") >= 1
    assert 0 <= value(metrics, "seat_event_loop_delay_seconds") < 60
    # One that another worker runs is neither late here nor done.
    other = rounds["measure_queues"]
    await service.db["leases"].update_one(
        {"_id": other.name},
        {"$set": {"owner": "another", "until": service.clock.now() + timedelta(days=999)}},
        upsert=True,
    )
    await service.scheduler.run_round(other)
    assert 'seat_job_last_success_timestamp_seconds{job_name="measure_queues"}' not in (
        await scrape(service)
    )


async def test_the_command_names_every_job(service: Living) -> None:
    there = {job.name for group in service.scheduler.groups for job in group.jobs}
    assert there <= set(JOBS), "seats job NAME, and docs/operations.md"


@pytest.mark.whole
async def test_promtool_accepts_the_metrics(service: Living) -> None:
    await take_part(service)
    await service.settle()
    assert promtool("check", "metrics", stdin=(await scrape(service)).encode()) == ""


async def test_every_metric_is_exposed_documented_and_well_named(service: Living) -> None:
    await take_part(service)
    await service.settle()
    metrics = await scrape(service)
    names = set(re.findall(r"^# TYPE (\w+)", metrics, re.M))
    names = {name for name in names if not name.endswith("_created")}
    assert all(name.startswith("seat_") for name in names), names
    labels = set(re.findall(r"[{,](\w+)=", metrics))
    assert not labels & OF_PROMETHEUS
    table = (ROOT / "docs" / "operations.md").read_text("utf-8")
    documented = re.findall(r"^\| `(seat_\w+)[`{]", table, re.M)
    assert sorted(documented) == sorted(names)

    series = names | {f"{n}_{end}" for n in names for end in ("bucket", "count", "sum")}
    values = {
        "job_name": {job.name for loop in service.scheduler.groups for job in loop.jobs}
        | {delivery_job(channel) for channel in Channel},
        "code": {*TEXTS, CALLBACK_REJECTED},
        "outcome": {str(one) for kind in OUTCOMES for one in kind},
        "system": set(map(str, OutgoingSystem)),
        "method": {"GET", "POST"},
        **{
            label: set(re.findall(rf'\b{label}="([^"]+)"', metrics))
            for label in ("event", "kind", "queue", "via")
        },
    }
    for expression in expressions():
        for name in re.findall(r"\bseats?_\w+", expression):
            assert name in series, name
        # Other jobs of Prometheus, by their names in docs/deployment.md.
        ours = re.sub(r'job="seats(-https)?"', "", expression)
        for label, value in re.findall(r'\b(\w+)!?=~?"([^"]+)"', ours):
            if label != "status":
                assert set(value.split("|")) <= values[label], (label, value)


def test_the_runbook_names_existing_panels() -> None:
    board: Any = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
    titles = [panel["title"] for panel in board["panels"]]
    assert len(set(titles)) == len(titles)
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    named = re.findall(r"(?<!\*)\*(\w[^*]+)\*(?!\*)", runbook[runbook.index("## Alerts") :])
    assert len(named) >= 4
    for panel in named:
        name = " ".join(panel.split())
        assert any(title.startswith(name) for title in titles), name
