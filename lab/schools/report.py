"""The repetitions together, the tables, and the reasons why a measurement has failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any, Final

from lab.bench.client import percentile

KINDS: Final = ("looks", "bookings")
_CELLS: Final = (
    ("looks", "p50_ms"),
    ("looks", "p99_ms"),
    ("bookings", "p50_ms"),
    ("bookings", "p99_ms"),
)
IDLE_MB, RUSHED_MB, IDLE_PERCENT = 200, 400, 8
"""The goals of a worker: memory at rest and after a rush, share of a core at rest."""


def neighbours(rounds: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """The repetitions of each condition taken together. ``times``: p99 beside the rush by that of
    before. One repetition has too few requests for a p99, so it is of all of them."""
    return {name: _together(felt) for name, felt in rounds.items()}


def _pooled(repetitions: Sequence[Sequence[float]]) -> dict[str, float]:
    times = sorted(chain.from_iterable(repetitions))
    return {f"p{share}_ms": round(percentile(times, share / 100), 1) for share in (50, 99)}


def _together(felt: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {
        when: {
            kind: {
                **_pooled([one[when][kind]["latencies_ms"] for one in felt]),
                "late_p99_ms": round(median(one[when][kind]["late_p99_ms"] for one in felt), 1),
            }
            for kind in KINDS
        }
        for when in ("alone", "beside")
    }
    answers, refused = Counter[str](), Counter[str]()
    for one in felt:
        answers.update(one["rush"]["answers"])
        refused.update(one["refused"])
    return {
        **result,
        "times": {
            kind: round(
                result["beside"][kind]["p99_ms"] / max(result["alone"][kind]["p99_ms"], 0.1), 2
            )
            for kind in KINDS
        },
        "rush": {"answers": answers, "p99_ms": median(one["rush"]["p99_ms"] for one in felt)},
        "refused": refused,
        "errors": sum(one["errors"] for one in felt),
        "unanswered": sum(one["unanswered"] for one in felt),
    }


def complaints(result: Mapping[str, Any]) -> list[str]:
    """The reasons why the measurement has failed, if it has. Slowness is none."""
    parts = {name: result[name] for name in ("rush", "neighbours") if name in result}
    reasons = [
        f"{name}: {part[what]} {what}"
        for name, part in parts.items()
        for what in ("lost", "doubles", "errors")
        if part[what]
    ]
    return reasons + [
        f"{name}: no booking was acknowledged"
        for name, part in parts.items()
        if not part["acknowledged"]
    ]


def table(result: Mapping[str, Any]) -> str:
    """The result as Markdown tables."""
    machine = result["machine"]
    lines = [
        f"{result['schools']} schools with demo libraries; {machine['cores']} cores, load "
        f"{machine['load_before']} before and {machine['load_after']} after.",
        "",
    ]
    if "rest" in result or "rush" in result:
        lines += ["| one worker for all schools | result | goal |", "|---|---:|---:|"]
    lines += _rest_rows(result["rest"]) if "rest" in result else []
    lines += _rush_rows(result["rush"]) if "rush" in result else []
    return "\n".join([*lines, *(_neighbour_table(result) if "neighbours" in result else [])])


def _rest_rows(rest: Mapping[str, Any]) -> list[str]:
    percent = rest["percent_of_a_core"]
    rows = [
        ("ready after the start", f"{rest['ready_s']} s", ""),
        ("worker at rest, RSS / PSS", _both(rest, "worker"), f"{IDLE_MB} MB"),
        ("supervisor, RSS / PSS", _both(rest, "supervisor"), ""),
        ("worker at rest, of a core", f"{percent['worker']} %", f"{IDLE_PERCENT} %"),
        *(
            (f"{kind}, of a core", f"{percent[kind]} %", "")
            for kind in ("supervisor", "mongod", "redis")
        ),
        ("commands of MongoDB, a second and school", f"{rest['commands']}", ""),
        ("– by name", _named(rest["by_name"]), ""),
        ("– reads and writes by collection", _named(rest["by_collection"]), ""),
    ]
    return [f"| {' | '.join(row)} |" for row in rows]


def _rush_rows(rush: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            f"rush: {rush['requests']:,} requests for {rush['seats']:,} seats in "
            f"{rush['within_s']:g} s",
            f"{_named(rush['answers'])}; {rush['unanswered']} unanswered; over after "
            f"{rush['took_s']} s",
            "",
        ),
        (
            "– first answer, p50, p99, slowest",
            f"{rush['p50_ms']}, {rush['p99_ms']}, {rush['max_ms']} ms",
            "",
        ),
        ("– acknowledged bookings / not stored", f"{rush['acknowledged']:,} / {rush['lost']}", "0"),
        ("– doubles", f"{rush['doubles']}", "0"),
        ("worker after the rush, RSS / PSS", _both(rush, "worker"), f"{RUSHED_MB} MB"),
    ]
    return [f"| {' | '.join(row)} |" for row in rows]


def _neighbour_table(result: Mapping[str, Any]) -> list[str]:
    part = result["neighbours"]
    lines = [
        "",
        f"A calm school beside a rush of {result['rush_per_s']:,} requests a second, all times of "
        f"{result['repeat']}: {part['acknowledged']:,} bookings acknowledged, {part['lost']} of "
        f"them not stored, {part['doubles']} doubles, {part['unanswered']} requests unanswered.",
        "",
        "| the rush is | looks p50, p99 ms | bookings p50, p99 ms | p99 of looks × alone "
        "| of bookings × alone | generator late p99 ms | its readers refused |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, felt in part["conditions"].items():
        for when in ("alone", "beside"):
            times = [f"{felt['times'][kind]}" if when == "beside" else "" for kind in KINDS]
            late = max(felt[when][kind]["late_p99_ms"] for kind in KINDS)
            cells = [
                name if when == "beside" else f"none yet ({name} later)",
                *(f"{felt[when][k]['p50_ms']}, {felt[when][k]['p99_ms']}" for k in KINDS),
                *times,
                f"{late}",
                f"{sum(felt['refused'].values())}" if when == "beside" else "",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _both(facts: Mapping[str, Any], kind: str) -> str:
    return f"{facts[f'{kind}_rss_mb']:.0f} / {facts[f'{kind}_pss_mb']:.0f} MB"


def _named(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())
