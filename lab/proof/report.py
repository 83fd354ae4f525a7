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
    "history": "The real service on three members, two hosts and hundreds of readers, while one "
    "thing after the other breaks: all answers of each seat and each reader have an order in "
    "which they are true, and everything acknowledged is there.",
    "large_history": "The checker itself: a million calls in under a minute, and a seat that was "
    "given twice is seen.",
    "explorer": "Every order in which the requests of three readers at two workers can reach the "
    "database, with one fault at every step.",
    "days": "Whole days of a small library, one for each seed: answers that are lost or come "
    "twice, crashes, and clocks that jump.",
    "bugs": "Mistakes, planted one by one: what finds no bug that is there proves nothing.",
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
