"""After a sign-in, redirects lead to this service only."""

from __future__ import annotations

import pytest

from handlers.http.return_to import is_own_path


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("/", True),
        ("/reservations?page=2", True),
        ("/areas/2f-hall?date=2026-09-07&seat=2f-hall-065", True),
        ("/%0d%0aSet-Cookie:%20a=b", True),
        ("/" + "x" * 299, True),
        ("/" + "x" * 300, False),
        ("/\r\nSet-Cookie: a=b", False),
        ("//evil.example/", False),
        ("/\\evil.example", False),
        ("/x\\evil.example", False),
        ("https://evil.example/", False),
        ("reservations", False),
        ("", False),
    ],
)
def test_an_own_path_begins_with_one_slash(text: str, own: bool) -> None:
    assert is_own_path(text) is own
