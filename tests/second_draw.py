"""A second implementation of a season's draw, after docs/draw.md alone: it imports nothing of the
service. It is written to be read, not to be fast."""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Any

Draw = dict[str, Any]


def hashed(*parts: str) -> str:
    return sha256("\n".join(parts).encode("utf-8")).hexdigest()


def tree(leaves: list[str]) -> bytes:
    """The Merkle tree hash as RFC 6962 (2.1) defines it, by recursion."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + bytes.fromhex(leaves[0])).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def audit_path(index: int, leaves: list[str]) -> list[str]:
    """The audit path as RFC 6962 (2.1.1) defines it, by recursion."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*audit_path(index, leaves[:k]), tree(leaves[k:]).hex()]
    return [*audit_path(index - k, leaves[k:]), tree(leaves[:k]).hex()]


def leaf(application: Draw) -> str:
    wishes = ",".join(application["wishes"])
    return hashed("seat-season leaf", application["token"], str(application["weight"]), wishes)


def order_and_assignment(draw: Draw) -> tuple[list[str], list[str | None]]:
    """The tokens in the order of the draw, and what each gets."""
    root = tree(sorted(leaf(one) for one in draw["applications"])).hex()
    seed = hashed("seat-season seed", root, draw["secret"], draw["source"], draw["value"])
    numbers = []
    for one in draw["applications"]:
        for i in range(one["weight"]):
            text = f"seat-season place\n{leaf(one)}\n{i + 1}"
            numbers.append((hmac.new(bytes.fromhex(seed), text.encode(), sha256).digest(), one))
    numbers.sort(key=lambda pair: pair[0])
    order: list[Draw] = []
    for _, one in numbers:
        if one not in order:
            order.append(one)
    free = list(draw["given"])
    got: list[str | None] = []
    for one in order:
        possible = [w for w in one["wishes"] if w in free or (w == "any" and free)]
        thing = None
        if possible:
            thing = free[0] if possible[0] == "any" else possible[0]
            free.remove(thing)
        got.append(thing)
    return [one["token"] for one in order], got


def follows_its_rule(draw: Draw) -> bool:
    """Whether the draw of the file follows the rule of the file."""
    lines = [line.split(": ", 1) for line in draw["rule"].split("\n")]
    rule = {name: value for name, value in lines}
    weights = {int(name.split(" ")[1]) for name, _ in lines if name.startswith("weight ")}
    which, given = draw["which"], draw["given"]

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text)

    def allowed(wishes: list[str]) -> bool:
        ids = wishes[:-1] if wishes[-1:] == ["any"] else wishes
        return (
            0 < len(wishes) <= int(rule["most_wishes"])
            and all(id in given for id in ids)
            and len(set(ids)) == len(ids)
        )

    applications = draw["applications"]
    return (
        hashed(draw["rule"]) == draw["rule_hash"]
        and hashed("seat-season secret", draw["secret"]) == draw["commitment"]
        and draw["commitment"] == rule["commitment"]
        and which in ("first", "alternative")
        and rule[f"{which}_value"] == draw["source"]
        and draw["value"].strip() != ""
        and at(rule["closes_at"]) <= at(draw["frozen_at"]) < at(rule[f"{which}_value_at"])
        and at(rule[f"{which}_value_at"]) <= at(draw["drawn_at"]) <= at(rule["reveal_by"])
        and rule["gives"].split(" ")[0] == str(len(given)) == str(len(set(given)))
        and "any" not in given
        and hashed("seat-season given", *given) == rule["given_hash"]
        and all(one["weight"] in weights - {0} for one in applications)
        and all(allowed(one["wishes"]) for one in applications)
        and all(one["leaf"] == leaf(one) for one in applications)
        and len({one["token"] for one in applications}) == len(applications) == draw["count"]
        and tree(sorted(leaf(one) for one in applications)).hex() == draw["root"]
        and order_and_assignment(draw)
        == ([one["token"] for one in applications], draw["assignment"])
    )
