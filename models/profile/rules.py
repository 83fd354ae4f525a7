from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from languages.catalogue import LANGUAGES
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.profile.entities import LibraryProfile
from models.profile.zones import standard_minutes, zone_names

LONGEST: Final[Mapping[str, int]] = {
    "name": 30,
    "title": 80,
    "audience": 100,
    "running_line": 200,
    "campus_app": 20,
    "mini_program": 20,
    "menu": 4,
}
"""Most characters of each profile text, by name. WeChat shows only four of a menu button's name."""
REQUIRED: Final = ("name", "title", "campus_app", "mini_program", "menu")
LONGEST_CONTACT: Final = 60
MOST_CONTACTS: Final = 6
LONGEST_RULES: Final = 5000
PLACEHOLDER: Final = re.compile(r"\{([^{}\n]*)\}")
"""A placeholder for a value of the policy: {每天次数}."""


def check_profile(profile: LibraryProfile, placeholders: Collection[str]) -> None:
    """Checks the profile's texts. ``placeholders``: the names that may stand in braces. Raises:
    Malformed for the first faulty field."""
    for name, most in LONGEST.items():
        text = getattr(profile, name)
        if not text and name in REQUIRED:
            raise Malformed(name, "profile_missing")
        if len(text) > most:
            raise Malformed(name, "profile_too_long", most=most)
        if not is_printable_line(text):
            raise Malformed(name, "text_not_printable")
    if profile.language not in LANGUAGES:
        raise Malformed("language", "language_unknown")
    _check_contact(profile.contact)
    if len(profile.rules_text) > LONGEST_RULES:
        raise Malformed("rules_text", "profile_too_long", most=LONGEST_RULES)
    if not is_printable_line(profile.rules_text.replace("\n", "").replace("\t", "")):
        raise Malformed("rules_text", "text_not_printable")
    for field in ("running_line", "rules_text"):
        for placeholder in PLACEHOLDER.findall(getattr(profile, field)):
            if placeholder not in placeholders:
                raise Malformed(field, "placeholder_unknown", placeholder=placeholder)


def check_zone(zone: str, year: int) -> int:
    """The minutes by which the zone's standard time is ahead of UTC. Raises: Malformed if there is
    no such zone."""
    if zone not in zone_names():
        raise Malformed("zone", "zone_unknown", zone=zone)
    return standard_minutes(zone, year)


def _check_contact(lines: tuple[str, ...]) -> None:
    """Checks number, length and printability of the contact's lines. Raises: Malformed."""
    if not 0 < len(lines) <= MOST_CONTACTS:
        raise Malformed("contact", "contact_lines", most=MOST_CONTACTS)
    for line in lines:
        if not 0 < len(line) <= LONGEST_CONTACT:
            raise Malformed("contact", "contact_line_length", most=LONGEST_CONTACT)
        if not is_printable_line(line):
            raise Malformed("contact", "text_not_printable")
