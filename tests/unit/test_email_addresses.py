"""Syntax of e-mail addresses that mail can be sent to."""

from __future__ import annotations

import pytest

from models.email_addresses.entities import LONGEST, is_address


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("anna@example.edu", True),
        ("a.b+c@lib.example.edu.cn", True),
        ("no address", False),
        ("a@b", False),
        ("@example.edu", False),
        ("a@example.edu\r\nBcc: b@example.edu", False),
        ("a@example.edu\n", False),
        ("a@example.edu, b@example.edu", False),
        ("张三@example.edu", False),
        ("x" * LONGEST + "@example.edu", False),
    ],
)
def test_only_addresses_of_one_mailbox_are_accepted(text: str, is_one: bool) -> None:
    assert is_address(text) is is_one
