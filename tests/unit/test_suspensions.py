"""A suspension states its end and reason, in facts and in words."""

from __future__ import annotations

from datetime import datetime

import pytest

from handlers.texts.errors import text_of
from models.policy.entities import Policy
from models.readers.entities import FOREVER, PersonalData, Reader, SuspensionReason
from models.reservations import rules
from models.reservations.errors import Suspended
from models.violations import rules as violations_rules
from tests.builders import MONDAY, ZHANG, ZONE, on

NOON = on("12:00")


@pytest.mark.parametrize(
    ("until", "reason", "details", "words"),
    [
        (NOON, None, {"until": NOON}, "预约已暂停，9月7日 12:00 前不能预约"),
        (
            NOON,
            SuspensionReason(3, 30),
            {"until": NOON, "violations": 3, "days": 30},
            "预约已暂停，9月7日 12:00 前不能预约。原因：30 天内累计违约 3 次",
        ),
        (
            FOREVER,
            SuspensionReason(words="转让座位"),
            {"reason": "转让座位"},
            "预约已暂停，图书馆解除前不能预约。原因：转让座位",
        ),
    ],
)
def test_a_suspension_states_its_end_and_reason(
    until: datetime, reason: SuspensionReason | None, details: dict[str, object], words: str
) -> None:
    reader = Reader(ZHANG, "student", until, lambda: PersonalData("", ""), None, reason)
    with pytest.raises(Suspended) as refusal:
        rules.check_reader_eligible(reader, MONDAY, on("08:00"))
    assert refusal.value.details == details
    assert text_of(Suspended.code, ZONE.local_facts(details)) == words
    assert "转让" not in repr(reader), "no log has a librarian's words"


@pytest.mark.parametrize(
    ("event", "excused", "strict", "expected"),
    [
        ("no_show", False, False, True),
        ("no_show", True, False, False),
        ("away_expired", False, False, False),
        ("away_expired", False, True, True),
        ("away_expired", True, True, False),
        ("ended", False, True, False),
        ("reserved", False, True, False),
    ],
)
def test_only_unexcused_events_of_the_policy_are_violations(
    event: str, excused: bool, strict: bool, expected: bool
) -> None:
    policy = Policy(away_timeout_is_violation=strict)
    assert violations_rules.is_violation(event, excused, policy) is expected
