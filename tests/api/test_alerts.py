"""deploy/alerts.yml under Prometheus's promtool: each alert fires when it should."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.promtool import promtool

pytestmark = pytest.mark.whole

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "alerts.yml"
NAMES: Final = re.findall(r"- alert: (\w+)", RULES.read_text("utf-8"))
CHECK_INS_ELSEWHERE: Final = 'seat_reservation_events_total{event="check_in",school="b"}'
HOUR, DAY = 3600, 86400
Series = dict[str, str]
"""By its name and labels, what it shows each minute, as promtool writes it: ``0+5x60`` begins at 0
and rises by 5."""


@dataclass(frozen=True, slots=True)
class Case:
    """``trouble`` makes the alert fire after ``minutes``, ``calm`` does not."""

    trouble: Series
    calm: Series
    minutes: int = 35


def requests(status: str, each_minute: int, method: str = "GET") -> Series:
    labels = f'{{method="{method}",status="{status}"}}'
    return {f"seat_http_request_seconds_count{labels}": f"0+{each_minute}x120"}


def refused(code: str, each_minute: int) -> Series:
    return {f'seat_refusals_total{{code="{code}"}}': f"0+{each_minute}x120"}


def trouble(kind: str, count: int) -> Series:
    return {f'seat_troubles{{kind="{kind}",instance="a:8080"}}': f"{count}x120"}


def within(name: str, labels: str, bound: str, below: int) -> Series:
    """A histogram of 100 observations a minute, ``below`` of them within the bound and all within
    2.5 s."""
    return {
        f'{name}_bucket{{{labels}le="{bound}"}}': f"0+{below}x120",
        f'{name}_bucket{{{labels}le="2.5"}}': "0+100x120",
        f'{name}_bucket{{{labels}le="+Inf"}}': "0+100x120",
    }


def job(last_success: str, interval: int = 2) -> Series:
    return {
        'seat_job_last_success_timestamp_seconds{job_name="deadlines",instance="a"}': last_success,
        # Which has lost the lease, and shows what it was then.
        'seat_job_last_success_timestamp_seconds{job_name="deadlines",instance="b"}': "0x120",
        'seat_job_interval_seconds{job_name="deadlines"}': f"{interval}x120",
    }


def queue(due_since: str) -> Series:
    return {
        'seat_queue_due_since_timestamp_seconds{queue="wechat",instance="a"}': due_since,
        'seat_queue_due_since_timestamp_seconds{queue="wechat",instance="b"}': "0x120",
    }


def calls(outcome: str, each_minute: int) -> Series:
    labels = f'{{system="wechat",outcome="{outcome}"}}'
    return {f"seat_outgoing_seconds_count{labels}": f"0+{each_minute}x120"}


def deliveries(outcome: str) -> Series:
    labels = '{channel="wechat",outcome='
    return {
        f'seat_deliveries_total{labels}"{outcome}"}}': "0+20x120",
        f'seat_deliveries_total{labels}"sent"}}': "0+80x120",
    }


def bookings(misses: int, check_ins: int) -> Series:
    return {
        'seat_reservation_events_total{event="miss",via="system"}': f"0+{misses}x120",
        'seat_reservation_events_total{event="check_in",via="mini"}': f"0+{check_ins}x120",
    }


def ever(name: str, value: float) -> Series:
    return {name: f"{value}x120"}


CASES: Final[Mapping[str, Case]] = {
    "SeatsDown": Case(ever('up{job="seats"}', 0), ever('up{job="seats"}', 1), 5),
    "SeatsErrors": Case(
        requests("503", 3) | requests("200", 97),
        requests("404", 3) | requests("503", 1) | requests("200", 97),
    ),
    "SeatsSlow": Case(
        within("seat_http_request_seconds", 'method="POST",', "1", 98),
        within("seat_http_request_seconds", 'method="POST",', "1", 100),
    ),
    "SeatsJobsFail": Case(
        ever('seat_job_failures_total{job_name="gates"}', 0)
        | {'seat_job_failures_total{job_name="deadlines"}': "0+1x120"},
        {'seat_job_failures_total{job_name="deadlines"}': "0x25 3x20"},
    ),
    "SeatsJobLate": Case(job("0+60x5 300x60"), job("0+60x120")),
    "SeatsQueueWaits": Case(queue("0+60x5 300x60"), queue("0+60x120")),
    "SeatsChannelPaused": Case(
        ever('seat_channel_paused{channel="wechat",reason="token"}', 1),
        {'seat_channel_paused{channel="wechat",reason="token"}': "0x27 1x20"},
    ),
    "SeatsDeliveriesFail": Case(deliveries("failed"), deliveries("unbound")),
    "SeatsWebhooksDead": Case(
        {'seat_webhook_deliveries_total{outcome="dead"}': "0x27 3x20"},
        {'seat_webhook_deliveries_total{outcome="queued"}': "0+1x120"},
    ),
    "SeatsCallsFail": Case(
        calls("timeout", 30) | calls("answered", 70), calls("refused", 30) | calls("answered", 70)
    ),
    "SeatsSendAway": Case(refused("busy", 120), refused("busy", 20) | refused("seat_taken", 300)),
    "SeatsLoopLate": Case(
        ever('seat_event_loop_delay_seconds{instance="a"}', 0.5),
        {'seat_event_loop_delay_seconds{instance="a"}': "0.01x28 0.5x2 0.01x20"},
    ),
    "SeatsDatabaseSlow": Case(
        within("seat_mongodb_round_trip_seconds", "", "0.1", 80),
        within("seat_mongodb_round_trip_seconds", "", "0.1", 99),
    ),
    "SeatsChangesNotHeard": Case(
        {'seat_change_stream_lag_seconds{instance="a"}': "0+60x120"},
        ever('seat_change_stream_lag_seconds{instance="a"}', 1),
    ),
    "SeatsNobodyChecksIn": Case(
        bookings(1, 0) | {CHECK_INS_ELSEWHERE: "0+1x120"}, bookings(1, 1), 40
    ),
    "SeatsActivationCodesGuessed": Case(
        refused("activation_code_invalid", 6), refused("activation_code_invalid", 2)
    ),
    "SeatsKioskCodesGuessed": Case(refused("qr_invalid", 30), refused("qr_invalid", 10)),
    "SeatsAccessRefused": Case(
        refused("forbidden", 15) | refused("ticket_invalid", 15), refused("too_early", 30)
    ),
    "SeatsRedisAway": Case(trouble("redis", 1), trouble("wechat", 1)),
    "SeatsKiosksDark": Case(trouble("kiosks", 1), trouble("redis", 1)),
    "SeatsSignOnAway": Case(trouble("cas", 1), trouble("kiosks", 1)),
    "SeatsClockWrong": Case(
        ever('seat_clock_offset_seconds{instance="a"}', -3),
        ever('seat_clock_offset_seconds{instance="a"}', 0.5),
    ),
    "SeatsBackupOld": Case(
        ever('seat_last_backup_timestamp_seconds{school="a"}', -36 * HOUR)
        | ever('seat_last_backup_timestamp_seconds{school="b"}', 0),
        ever("seat_last_backup_timestamp_seconds", -30 * HOUR),
    ),
    "SeatsBackupUnrehearsed": Case(
        ever("seat_last_rehearsal_timestamp_seconds", -100 * DAY),
        ever("seat_last_rehearsal_timestamp_seconds", -99 * DAY),
        70,
    ),
    "SeatsCertificateEnds": Case(
        ever('probe_ssl_earliest_cert_expiry{job="seats-https",instance="a"}', 13 * DAY),
        ever('probe_ssl_earliest_cert_expiry{job="seats-https",instance="a"}', 30 * DAY),
        70,
    ),
}


def of_promtool(name: str, series: Series, minutes: int, *, fires: bool) -> dict[str, object]:
    firing = f'count by (alertname) (ALERTS{{alertname="{name}",alertstate="firing"}})'
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1}] if fires else []
    return {
        "name": f"{name} {'fires' if fires else 'does not fire'}",
        "interval": "1m",
        "input_series": [{"series": s, "values": values} for s, values in series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": f"{minutes}m", "exp_samples": expected}],
    }


def test_each_alert_fires_above_its_threshold_only(tmp_path: Path) -> None:
    assert sorted(CASES) == sorted(NAMES)
    tests = [
        test
        for name, case in CASES.items()
        for test in (
            of_promtool(name, case.trouble, case.minutes, fires=True),
            of_promtool(name, case.calm, case.minutes, fires=False),
        )
    ]
    file = tmp_path / "alerts.json"  # all JSON is YAML
    document = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(json.dumps(document), encoding="utf-8")
    assert promtool("check", "rules", str(RULES)) == ""
    assert promtool("test", "rules", str(file)) == ""


def test_each_alert_links_to_its_section_of_the_runbook() -> None:
    for rule in RULES.read_text("utf-8").split("- alert: ")[1:]:
        name = rule.partition("\n")[0]
        (file, anchor) = re.findall(r'runbook: "([\w./]+)#([\w-]+)"', rule)[0]
        headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.M)
        assert anchor == name.lower() and name in headings, name
