"""The attributes that the third-party server releases about a user; a list becomes one element
for each value."""

from __future__ import annotations

from typing import Any


def released(user: Any, service: str) -> dict[str, str | list[str]]:
    """The attributes of one user: single values, an ``ou`` of two values, and a group for the
    librarian."""
    librarian = user.get_username() == "librarian"
    attributes: dict[str, str | list[str]] = {
        "cn": user.get_full_name(),
        "userType": "staff" if librarian else "student",
        "ou": ["信息学部", "计算机学院 <A&B>"],
    }
    if librarian:
        attributes["memberOf"] = ["library-admin"]
    return attributes
