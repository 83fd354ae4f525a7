"""The file of a drawn season, made at random."""

from __future__ import annotations

import random
from typing import Final

from models.seasons import merkle
from models.seasons.calculation import (
    FORMAT,
    Entry,
    assignment,
    commitment,
    given_hash,
    in_order,
    rule_hash,
    seed,
    token,
)
from models.seasons.rule_text import rule_text
from tests.second_draw import Draw

SOURCES: Final = {
    "first_value": "中国福利彩票双色球第2026140期红球与蓝球",
    "first_value_at": "2026-09-01T21:30:00+08:00",
    "alternative_value": "中国福利彩票双色球第2026141期红球与蓝球",
    "alternative_value_at": "2026-09-03T21:30:00+08:00",
}


def season(chance: random.Random, applicants: int, things: int) -> Draw:
    """The file of a drawn season with that many applicants and lockers, made at random."""
    given = [f"{chance.choice('ABC')}-{n:03}" for n in range(things)]
    weights = {"everybody else": 1, "研究生": chance.randint(2, 9), "校外": 0}
    most = chance.randint(1, 10)
    secret = chance.randbytes(32).hex()
    which = chance.choice(("first", "alternative"))
    frozen_at = "2026-09-01T18:00:01+08:00"
    rule = rule_text(
        {
            "title": "2026 秋存包柜",
            "gives": f"{things} lockers",
            "given_hash": given_hash(given),
            "days": "2026-09-07 to 2026-12-20",
            "grace_days": "7",
            "most_wishes": str(most),
            "opens_at": "2026-08-25T08:00:00+08:00",
            "closes_at": "2026-09-01T18:00:00+08:00",
            **SOURCES,
            "reveal_by": "2026-09-05T18:00:00+08:00",
            "commitment": commitment(secret),
        },
        list(weights.items()),
    )
    entries = []
    for _ in range(applicants):
        wishes = chance.sample(given, chance.randint(0, min(most, things)))
        if not wishes or (len(wishes) < most and chance.random() < 0.5):
            wishes = [*wishes, "any"]
        weight = chance.choice([weight for weight in weights.values() if weight])
        entries.append(Entry(token(chance.randbytes(16).hex()), weight, tuple(wishes)))
    root = merkle.root(sorted(entry.leaf for entry in entries))
    value = "".join(chance.choices("0123456789 +", k=20)) + "7"
    source = SOURCES[f"{which}_value"]
    entries = in_order(seed(root, secret, source, value), entries)
    return {
        "format": FORMAT,
        "rule": rule,
        "rule_hash": rule_hash(rule),
        "commitment": commitment(secret),
        "given": given,
        "root": root,
        "count": applicants,
        "frozen_at": frozen_at,
        "which": which,
        "source": source,
        "value": value,
        "drawn_at": "2026-09-04T09:00:00+08:00",
        "secret": secret,
        "applications": [
            {"token": e.token, "weight": e.weight, "wishes": [*e.wishes], "leaf": e.leaf}
            for e in entries
        ],
        "assignment": assignment(given, [e.wishes for e in entries]),
    }
