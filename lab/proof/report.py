"""The result of a proof as one self-contained HTML page."""

from __future__ import annotations

from html import escape

from models.proof.entities import Proof, ProofPart

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; }
td, th { padding: 4px 24px 4px 0; text-align: left; vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
pre { overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
"""
_WAYS = {
    "history": "The real service for two schools in each process, with three MongoDB members, two "
    "hosts and hundreds of readers, under one fault after the other: the responses about each seat "
    "and each reader fit into one order, every acknowledged change is stored, and nothing of one "
    "school appears at the other.",
    "large_history": "The checker itself: it checks a million calls in under a minute, and finds a "
    "seat that was given twice.",
    "explorer": "Every order in which the requests of three readers at two workers can reach the "
    "database, with one fault at every step.",
    "days": "Whole simulated days of a small library, one for each seed, with lost and repeated "
    "responses, crashes and clock jumps.",
    "bugs": "Mistakes planted in the code one by one, to show that these checks find them.",
}


def page(proof: Proof) -> str:
    """The result, with its failures, as HTML."""
    verdict = "passed" if proof.passed else "failed"
    parts = "".join(_part(part) for part in proof.parts)
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>Proof</title>"
        f"<meta name='viewport' content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>No seat twice, nothing acknowledged lost: {verdict}</h1>"
        f"<p>Version {escape(proof.version)}, commit {escape(proof.commit or 'unknown')}, "
        f"{proof.made_at:%Y-%m-%d %H:%M} UTC, {escape(proof.machine)}.</p>{parts}</html>"
    )


def _part(part: ProofPart) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}<td>{value:,}" if not isinstance(value, str)
        else f"<tr><th>{escape(name)}<td>{escape(value)}"
        for name, value in part.numbers.items()
    )  # fmt: skip
    failures = "".join(f"<pre>{escape(text)}</pre>" for text in part.failures)
    verdict = "passed" if part.passed else "FAILED"
    return (
        f"<h2>{escape(part.name)}: {verdict}</h2><p>{escape(_WAYS.get(part.name, ''))}</p>"
        f"<table>{rows}<tr><th>seconds<td>{part.seconds:,}</table>{failures}"
    )
