"""The verification of a published draw: the vectors of its specification, and forgeries."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from miniapp_server.cli.command import CommandError
from miniapp_server.cli.draws import verify_draw
from models.opening_draw.calculation import FORMAT, application, commitment, faults, place

SECRET = bytes(range(32)).hex()
DAY = "2026-09-08"
PAGE = Path(__file__).parents[2] / "docs" / "draw.md"
Draw = dict[str, Any]


def by_hand(draw: Draw) -> bool:
    """Whether the draw follows the procedure, by docs/draw.md alone: nothing of it is imported."""
    key = bytes.fromhex(draw["secret"])

    def rank(day: str, round: int, one: str) -> str:
        text = f"seat-opening place\n{day}\n{round}\n{one}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    told = hashlib.sha256(f"seat-opening secret\n{draw['secret']}".encode()).hexdigest()
    lists = [(one["day"], one["round"], one["applications"]) for one in draw["lists"]]
    return (
        told == draw["commitment"]
        and draw["committed_at"] < draw["opens_at"]
        and len({(day, round) for day, round, _ in lists}) == len(lists)
        and all(len(set(apps)) == len(apps) for _, _, apps in lists)
        and all(
            sorted(apps, key=lambda a: rank(day, round, a)) == apps for day, round, apps in lists
        )
    )


def published() -> Draw:
    def served(round: int, count: int) -> Draw:
        ones = [application(f"{n:032x}", f"seat-{round}-{n % 3} a b") for n in range(count)]
        ones.sort(key=lambda one: place(SECRET, DAY, round, one))
        return {"day": DAY, "round": round, "applications": ones}

    return {
        "format": FORMAT,
        "opens_at": "2026-09-07T10:00:00+08:00",
        "committed_at": "2026-09-06T10:00:00+08:00",
        "commitment": commitment(SECRET),
        "secret": SECRET,
        "lists": [served(7, 12), served(8, 1), served(9, 0), served(10, 5)],
    }


def test_the_specification_has_the_vectors_of_the_calculation() -> None:
    text = PAGE.read_text("utf-8")
    salt, wish = bytes(range(16)).hex(), re.findall(r"`(2f-hall-065 [^`]+)`", text)[0]
    one = application(salt, wish)
    vectors = [commitment(SECRET), one, place(SECRET, DAY, 1192449600, one)]
    assert re.findall(r"^`([0-9a-f]{64})`", text, re.MULTILINE) == vectors


def swapped(draw: Draw) -> None:
    ones = draw["lists"][0]["applications"]
    ones[3], ones[4] = ones[4], ones[3]


FORGERIES: dict[str, Callable[[Draw], object]] = {
    "another secret": lambda d: d.update(secret="ff" * 32),
    "a secret changed by one bit": lambda d: d.update(secret=SECRET[:-1] + "e"),
    "another commitment": lambda d: d.update(commitment=commitment("00" * 32)),
    "committed to at the opening": lambda d: d.update(committed_at=d["opens_at"]),
    "committed to afterwards": lambda d: d.update(committed_at="2026-09-07T10:00:01+08:00"),
    "two neighbours swapped": swapped,
    "the last one first": lambda d: (a := d["lists"][0]["applications"]).insert(0, a.pop()),
    "a friend put first": lambda d: d["lists"][0]["applications"].insert(0, "f" * 64),
    "one changed": lambda d: d["lists"][0]["applications"].__setitem__(5, application("0", "x")),
    "one twice": lambda d: (a := d["lists"][0]["applications"]).insert(1, a[0]),
    "the order reversed": lambda d: d["lists"][3]["applications"].reverse(),
    "another day": lambda d: d["lists"][0].update(day="2026-09-09"),
    "another round": lambda d: d["lists"][0].update(round=11),
    "a round listed twice": lambda d: d["lists"].append({**d["lists"][1]}),
    "the lists of two rounds exchanged": lambda d: d.update(
        lists=[
            {**d["lists"][0], "applications": d["lists"][3]["applications"]},
            {**d["lists"][3], "applications": d["lists"][0]["applications"]},
        ]
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_draw_has_a_fault(forge: Callable[[Draw], object]) -> None:
    draw = published()
    assert list(faults(draw)) == [] and by_hand(draw)
    forge(draw)
    assert list(faults(draw)) and not by_hand(draw)


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    file, draw = tmp_path / "draw.json", published()
    file.write_text(json.dumps(draw))
    assert "18 applications in 4 rounds" in verify_draw(file)
    forged = copy.deepcopy(draw)
    swapped(forged)
    for content, fault in (
        (json.dumps(forged), "round 7 for 2026-09-08 is not in the order of the draw"),
        (json.dumps(draw | {"secret": None, "lists": []}), "was not over"),
        (json.dumps(draw | {"format": "seat-opening-9"}), "its format is not"),
        (json.dumps({"a": 1}), "is not the file of a draw"),
        (json.dumps(draw | {"lists": 5}), "is not the file of a draw"),
        ("[]", "is not the file of a draw"),
        ("no JSON", "is not the file of a draw"),
    ):
        file.write_text(content)
        with pytest.raises(CommandError, match=re.escape(fault)):
            verify_draw(file)
    with pytest.raises(CommandError, match="No such file"):
        verify_draw(tmp_path / "none.json")
