"""The result of a benchmark: as JSON, as a table, and the reasons of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from lab.bench.load import Run

NAMES: Final = (
    *("hello", "reserve", "contended", "areas", "plan", "plan_304", "pages"),
    *("reserve_1w", "reserve_2w", "reads_1w", "reads_2w"),
    *("lone", "idle", "rush", "sse", "delivery", "webhooks"),
    *("reserve_grown", "areas_grown"),
)
PAIRS: Final = (
    ("reads_2w", "reads_1w"),
    ("reserve_2w", "reserve_1w"),
    ("reserve_grown", "reserve"),
    ("areas_grown", "areas"),
)
"""Pairs of compared runs: the report has the median of each round's quotient."""


def report(rounds: Sequence[Mapping[str, Run]], doubles: int) -> dict[str, Any]:
    """The result as JSON: medians over the rounds, and sums of errors and refusals.

    ``facts`` are those of the last round.
    """
    results: dict[str, Any] = {}
    for name in NAMES:
        runs = [round_runs[name] for round_runs in rounds if name in round_runs]
        if not runs:
            continue
        ratios = [run.ratio or 0.0 for run in runs]
        statuses: dict[str, int] = {}
        for run in runs:
            for status, n in run.statuses.items():
                statuses[str(status)] = statuses.get(str(status), 0) + n
        results[name] = {
            "rps": round(median(run.rps for run in runs), 1),
            "ratio": round(median(ratios), 4),
            "p50_ms": round(median(run.p50_ms for run in runs), 2),
            "p99_ms": round(median(run.p99_ms for run in runs), 2),
            "errors": sum(run.errors for run in runs),
            "refused": sum(run.refused for run in runs),
            "ratios": [round(ratio, 4) for ratio in ratios],
            "statuses": statuses,
            "facts": dict(runs[-1].facts),
            "cpu": {kind: round(median(run.cpu[kind] for run in runs), 3) for kind in runs[0].cpu},
        }
    pairs = {}
    for one, other in PAIRS:
        quotients = [
            round_runs[one].rps / round_runs[other].rps
            for round_runs in rounds
            if one in round_runs and other in round_runs and round_runs[other].rps
        ]
        if quotients:
            pairs[f"{one}/{other}"] = round(median(quotients), 3)
    return {"runs": results, "doubles": doubles, "pairs": pairs, "rounds": len(rounds)}


def complaints(result: Mapping[str, Any]) -> list[str]:
    """The reasons why the benchmark has failed, if it has. Time is none."""
    reasons = [
        f"{name}: {run['errors']} errors, statuses {run['statuses']}, {run['facts']}"
        for name, run in result["runs"].items()
        if run["errors"]
    ]
    if result["doubles"]:
        reasons.append(f"{result['doubles']} doubles")
    return reasons


def table(result: Mapping[str, Any]) -> str:
    """The result as a Markdown table."""
    lines = [
        "| run | a second | ratio to hello | CPU s per 1,000: application, mongod, redis, client "
        "| p50 ms | p99 ms | refused | errors |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, run in result["runs"].items():
        if name == "idle":
            continue
        of_what = " of the bound" if "ratio_to" in run["facts"] else ""
        times = "– | –" if of_what else f"{run['p50_ms']:.1f} | {run['p99_ms']:.1f}"
        lines.append(
            f"| {name} | {run['rps']:,.0f} | {run['ratio']:.3f}{of_what} | {_cost(run)} | {times} "
            f"| {run['refused']} | {run['errors']} |"
        )
    lines.append("")
    for name in ("lone", "idle", "rush", "sse", "delivery", "webhooks"):
        if name in result["runs"]:
            lines.append(f"- {name}: {_in_words(result['runs'][name]['facts'])}")
    lines += [f"- {pair}: {quotient:.2f}" for pair, quotient in result["pairs"].items()]
    lines.append(f"- doubles found afterwards: {result['doubles']}; rounds: {result['rounds']}")
    return "\n".join(lines)


def _cost(run: Mapping[str, Any]) -> str:
    """CPU seconds of the service's processes per 1,000 requests, and of the client."""
    cpu = run["cpu"]
    if not cpu:
        return "–"
    service = sum(seconds for kind, seconds in cpu.items() if kind != "client")
    return f"**{service:.2f}** ({', '.join(f'{seconds:.2f}' for seconds in cpu.values())})"


def _in_words(facts: Mapping[str, Any]) -> str:
    said = []
    for name, value in facts.items():
        text = f"({_in_words(value)})" if isinstance(value, Mapping) else value
        said.append(f"{name} {text}")
    return ", ".join(said)
