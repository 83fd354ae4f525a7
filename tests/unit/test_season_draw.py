"""The draw of a season: two implementations agree, forgeries are found, chances are as the rule
says, and the specification has the calculation's numbers."""

from __future__ import annotations

import copy
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from miniapp_server.cli.command import CommandError
from miniapp_server.cli.draws import verify_draw
from models.seasons import merkle
from models.seasons.calculation import (
    FORMAT,
    Entry,
    assignment,
    commitment,
    given_hash,
    in_order,
    place,
    seed,
    token,
)
from models.seasons.outcome import SeasonOutcome, on_trial, outcome
from models.seasons.verification import faults
from tests.drawn_season import SOURCES, season
from tests.second_draw import Draw, audit_path, follows_its_rule, order_and_assignment, tree

PAGE: Final = Path(__file__).parents[2] / "docs" / "draw.md"
SECRET: Final = bytes(range(32)).hex()


def test_two_implementations_agree_on_a_thousand_seasons() -> None:
    chance = random.Random(41)
    for _ in range(1000):
        draw = season(chance, chance.randint(0, 14), chance.randint(1, 10))
        assert list(faults(draw)) == []
        assert follows_its_rule(draw)
        tokens, got = order_and_assignment(draw)
        assert tokens == [one["token"] for one in draw["applications"]]
        assert got == draw["assignment"]


def sealed_again(draw: Draw) -> None:
    """Makes leaves, root, order and assignment of a changed list agree, as a forger would."""
    entries = [
        Entry(one["token"], one["weight"], tuple(one["wishes"])) for one in draw["applications"]
    ]
    entries = in_order(seed(draw["root"], draw["secret"], draw["source"], draw["value"]), entries)
    draw["count"] = len(entries)
    draw["applications"] = [
        {"token": e.token, "weight": e.weight, "wishes": [*e.wishes], "leaf": e.leaf}
        for e in entries
    ]
    draw["assignment"] = assignment(draw["given"], [e.wishes for e in entries])


def with_first(**change: Any) -> Callable[[Draw], None]:
    def forge(draw: Draw) -> None:
        draw["applications"][0].update(change)
        sealed_again(draw)

    return forge


def added(draw: Draw) -> None:
    draw["applications"].append({"token": token("00" * 16), "weight": 9, "wishes": ["any"]})
    sealed_again(draw)


def left_out(draw: Draw) -> None:
    draw["applications"].pop(0)
    sealed_again(draw)


def exchanged(name: str, first: int, second: int) -> Callable[[Draw], None]:
    def forge(draw: Draw) -> None:
        ones = draw[name]
        ones[first], ones[second] = ones[second], ones[first]

    return forge


def rule_changed(old: str, new: str) -> Callable[[Draw], None]:
    def forge(draw: Draw) -> None:
        assert re.search(old, draw["rule"])
        draw["rule"] = re.sub(old, new, draw["rule"], count=1)

    return forge


def other_value(draw: Draw) -> None:
    draw["value"] += "1"


def other_secret(draw: Draw) -> None:
    draw["secret"] = "ff" * 32
    sealed_again(draw)


def other_secret_and_commitment(draw: Draw) -> None:
    other_secret(draw)
    draw["commitment"] = commitment(draw["secret"])


def other_source(draw: Draw) -> None:
    draw["source"] = "another source"
    sealed_again(draw)


def wish_taken_away(draw: Draw) -> None:
    next(one["wishes"] for one in draw["applications"] if len(one["wishes"]) > 1).pop()
    sealed_again(draw)


def wish_of_nothing_given(draw: Draw) -> None:
    draw["applications"][0]["wishes"] = ["Z-999"]
    sealed_again(draw)


FORGERIES: Final[dict[str, Callable[[Draw], object]]] = {
    "another value": other_value,
    "another secret": other_secret,
    "another secret with its commitment": other_secret_and_commitment,
    "another source": other_source,
    "the alternative with the text of the first": lambda d: d.update(which="alternative"),
    "no value": lambda d: d.update(value=" "),
    "an applicant added": added,
    "an applicant left out": left_out,
    "an applicant twice": lambda d: d["applications"].append(d["applications"][0]),
    "another token": with_first(token="ab" * 32),
    "another weight": with_first(weight=7),
    "no weight": lambda d: d["applications"][0].update(weight=0),
    "a wish taken away": wish_taken_away,
    "a wish of nothing given": wish_of_nothing_given,
    "another leaf": lambda d: d["applications"][0].update(leaf="cd" * 32),
    "two neighbours swapped": exchanged("applications", 3, 4),
    "two assignments exchanged": exchanged("assignment", 0, 1),
    "one more gets something": lambda d: d["assignment"].__setitem__(-1, d["given"][0]),
    "given in another order": exchanged("given", 0, 1),
    "one thing less": lambda d: d["given"].pop(),
    "another root": lambda d: d.update(root="00" * 32),
    "another count": lambda d: d.update(count=d["count"] + 1),
    "the rule's wishes changed": rule_changed(r"most_wishes: \d+", "most_wishes: 10"),
    "the rule's title changed": rule_changed("title: 2026", "title: 2027"),
    "frozen before the close": lambda d: d.update(frozen_at="2026-09-01T17:59:59+08:00"),
    "frozen after the value": lambda d: d.update(frozen_at="2026-09-01T21:30:00+08:00"),
    "drawn before the value": lambda d: d.update(drawn_at="2026-09-01T21:29:59+08:00"),
    "drawn after the deadline": lambda d: d.update(drawn_at="2026-09-05T18:00:01+08:00"),
}


def of_first_value() -> Draw:
    """A season of 20 applicants for 8 lockers, drawn with the first value."""
    chance = random.Random(3)
    while True:
        draw = season(chance, 20, 8)
        if draw["which"] == "first" and "most_wishes: 10" not in draw["rule"]:
            return draw


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_season_has_a_fault(forge: Callable[[Draw], object]) -> None:
    draw = of_first_value()
    assert list(faults(draw)) == [] and follows_its_rule(draw)
    forge(draw)
    assert list(faults(draw)) and not follows_its_rule(draw)


def test_the_command_says_what_is_wrong_with_a_season(tmp_path: Path) -> None:
    file, draw = tmp_path / "season.json", of_first_value()
    file.write_text(json.dumps(draw))
    line = verify_draw(file)
    assert "20 applications were drawn by the rule" in line and "8 got one of 8" in line
    assert line.endswith(f"{draw['source']} was {draw['value']}") and "\n" not in line
    chance = random.Random(1)
    while draw["which"] == "first":
        draw = season(chance, 20, 8)
    file.write_text(json.dumps(draw))
    assert verify_draw(file).endswith(f", and that {SOURCES['first_value']} was not published")
    forged = copy.deepcopy(draw)
    exchanged("assignment", 0, 1)(forged)
    for content, fault in (
        (forged, "the assignment does not follow from order and wishes"),
        (draw | {"secret": None, "applications": []}, "was not over"),
        (draw | {"rule": "anything"}, "is not the file of a draw: the rule has an unexpected"),
        (draw | {"rule": f"format: {FORMAT}"}, "is not the file of a draw: the rule is not of"),
        (draw | {"drawn_at": "2026-09-04T09:00:00"}, "has no offset"),
        (draw | {"given": "A-000"}, "does not consist of texts"),
        (draw | {"applications": [{"token": "ab", "weight": 1, "wishes": []}]}, "a token is not"),
        (draw | {"applications": [{"weight": True}]}, "a weight is not one of"),
    ):
        file.write_text(json.dumps(content))
        with pytest.raises(CommandError, match=re.escape(fault)):
            verify_draw(file)


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 100])
def test_a_path_leads_to_the_root_from_its_own_leaf_alone(count: int) -> None:
    chance = random.Random(count)
    leaves = sorted(chance.randbytes(32).hex() for _ in range(count))
    root = merkle.root(leaves)
    assert root == tree(leaves).hex()
    for index, leaf in enumerate(leaves):
        path = merkle.path(leaves, index)
        assert path == audit_path(index, leaves)
        assert merkle.root_by_path(leaf, index, count, path) == root
        assert merkle.root_by_path("ab" * 32, index, count, path) != root
        assert merkle.root_by_path(leaf, count, count, path) is None
        assert merkle.root_by_path(leaf, index, count, [*path, root]) is None
        if path:
            assert merkle.root_by_path(leaf, index ^ 1, count, path) != root
            assert merkle.root_by_path(leaf, index, count, path[:-1]) is None


def test_the_tree_of_an_empty_list_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == tree([]).hex()


DRAWS: Final = 10_000


def chi_square(counts: Counter[int], expected: dict[int, float]) -> float:
    return sum((counts[who] - mean) ** 2 / mean for who, mean in expected.items())


def limit(freedom: int) -> float:
    """The limit that chi-square exceeds with a probability of 0.1 % (Wilson and Hilferty)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + 3.09 * math.sqrt(part)) ** 3)


def test_chances_are_as_the_rule_says_over_ten_thousand_draws() -> None:
    weights = (1, 1, 1, 1, 2, 2, 3, 9)
    entries = [Entry(token(f"{n:032x}"), weight, ("any",)) for n, weight in enumerate(weights)]
    number = {entry.token: n for n, entry in enumerate(entries)}
    first: Counter[int] = Counter()
    last_of_equals: Counter[int] = Counter()
    second_after_nine: Counter[int] = Counter()
    for draw in range(DRAWS):
        ranks = [number[e.token] for e in in_order(seed("r", "s", "source", str(draw)), entries)]
        first[ranks[0]] += 1
        last_of_equals[[n for n in ranks if weights[n] == 1][-1]] += 1
        if ranks[0] == 7:
            second_after_nine[ranks[1]] += 1
    total = sum(weights)
    by_weight = {n: DRAWS * weight / total for n, weight in enumerate(weights)}
    assert chi_square(first, by_weight) < limit(7)
    assert chi_square(last_of_equals, dict.fromkeys(range(4), DRAWS / 4)) < limit(3)
    # The order goes on as if the first one had never applied.
    rest = {n: first[7] * weights[n] / (total - 9) for n in range(7)}
    assert chi_square(second_after_nine, rest) < limit(6)


def test_the_specification_has_the_vectors_of_a_season() -> None:
    text = PAGE.read_text("utf-8")
    salt = bytes(range(16)).hex()
    entry = Entry(token(salt), 2, ("L-07", "L-12", "any"))
    other = Entry(token("ff" * 16), 1, ("L-12",))
    root = merkle.root(sorted((entry.leaf, other.leaf)))
    drawn = seed(root, SECRET, "source", "05 11 16 20 25 31 + 09")
    vectors = {
        "commitment": commitment(SECRET),
        "given": given_hash(["L-07", "L-12"]),
        "token": entry.token,
        "leaf": entry.leaf,
        "root of one leaf": merkle.root([entry.leaf]),
        "other leaf": other.leaf,
        "root of both": root,
        "seed": drawn,
        "place": place(drawn, entry.leaf, 2),
        "place of the other": place(drawn, other.leaf, 1),
    }
    assert dict(re.findall(r"^\| ([a-z ]+) \| `([0-9a-f]{64})` \|$", text, re.MULTILINE)) == vectors


def test_the_outcome_counts_wishes_and_those_who_wait() -> None:
    entries = [
        Entry("a" * 64, 1, ("L-01", "L-02")),
        Entry("b" * 64, 1, ("L-01", "L-02")),
        Entry("c" * 64, 1, ("L-01", "any")),
        Entry("d" * 64, 1, ("L-01",)),
    ]
    things = assignment(["L-01", "L-02", "L-03"], (one.wishes for one in entries))
    assert outcome(entries, things, 3) == SeasonOutcome((1, 1, 0), 1, 1)
    mean = on_trial(["L-01", "L-02", "L-03"], entries, 3, [f"{n:064x}" for n in range(200)])
    assert mean.wishes[0] == 1 and mean.wishes[2] == 0, "L-01 goes to whoever is first"
    assert mean.any == 1 and 1 <= mean.waiting <= 2
