"""What the third-party server releases about a user; a list becomes one element for each value."""

from __future__ import annotations

from typing import Any


def released(user: Any, service: str) -> dict[str, str | list[str]]:
    """One single-valued name, one kind, and an ``ou`` of two values; a group for the librarian."""
    librarian = user.get_username() == "librarian"
    attributes: dict[str, str | list[str]] = {
        "cn": user.get_full_name(),
        "userType": "staff" if librarian else "student",
        "ou": ["信息学部", "计算机学院 <A&B>"],
    }
    if librarian:
        attributes["memberOf"] = ["library-admin"]
    return attributes
