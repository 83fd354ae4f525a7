"""Time zones and profiles of a library, its wording, and no library's name in the common code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handlers.http.wording import rules_html, running_line_of
from handlers.texts.wording import PLACEHOLDER_NAMES, RULES_TEXT, RUNNING_LINE, edited, stored
from languages.catalogue import LANGUAGES
from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.library.entities import AreaId, Catalog, Venue
from models.policy.entities import Policy
from models.profile.logo import LARGEST_LOGO, logo_of
from models.profile.rules import PLACEHOLDER, check_profile, check_zone
from models.profile.zones import zone_names
from models.reference_data import ReferenceData
from tests.builders import VENUE
from tests.unit.profiles import PROFILE

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("zone", "wanted"),
    [
        ("Asia/Shanghai", 480),
        ("Asia/Urumqi", 360),
        ("Asia/Kolkata", 330),
        ("Asia/Tokyo", 540),
        ("America/Phoenix", -420),
        ("America/Mexico_City", -360),  # no daylight saving since 2022
        ("Europe/Berlin", 60),
        ("Europe/Dublin", 0),
        ("Africa/Casablanca", 0),  # for Ramadan, five weeks
        ("America/New_York", -300),
        ("Australia/Lord_Howe", 630),
        ("Asia/Kathmandu", 345),
        ("Asia/Atlantis", "zone_unknown"),
        ("Etc/GMT-8", "zone_unknown"),
        ("../etc/passwd", "zone_unknown"),
        ("", "zone_unknown"),
    ],
)
def test_a_time_zone_has_the_minutes_of_its_standard_time(zone: str, wanted: int | str) -> None:
    if isinstance(wanted, str):
        with pytest.raises(Malformed) as refusal:
            check_zone(zone, 2026)
        assert refusal.value.details["reason"] == wanted
    else:
        assert check_zone(zone, 2026) == wanted and zone in zone_names()


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"name": ""}, "name", "profile_missing"),
        ({"title": "长" * 81}, "title", "profile_too_long"),
        ({"menu": "五个字太长"}, "menu", "profile_too_long"),
        ({"campus_app": "a\u202eb"}, "campus_app", "text_not_printable"),
        ({"contact": ()}, "contact", "contact_lines"),
        ({"contact": ("长" * 61,)}, "contact", "contact_line_length"),
        ({"running_line": "最多 {最长} 小时"}, "running_line", "placeholder_unknown"),
        ({"rules_text": "每天 {daily_limit} 次"}, "rules_text", "placeholder_unknown"),
        ({"rules_text": "x" * 5001}, "rules_text", "profile_too_long"),
        ({"rules_text": "a\x00b"}, "rules_text", "text_not_printable"),
    ],
)
def test_an_invalid_profile_is_refused_with_its_field(
    change: dict[str, object], field: str, reason: str
) -> None:
    check_profile(PROFILE, PLACEHOLDER_NAMES)
    check_profile(replace(PROFILE, audience="", rules_text=RULES_TEXT), PLACEHOLDER_NAMES)
    with pytest.raises(Malformed) as error:
        check_profile(replace(PROFILE, **change), PLACEHOLDER_NAMES)  # type: ignore[arg-type]
    assert (error.value.details["field"], error.value.details["reason"]) == (field, reason)


def picture(kind: str, size: tuple[int, int] = (300, 200)) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, "#a03020").save(made, kind)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_uploaded_logo_is_re_encoded(kind: str) -> None:
    logo = logo_of(picture(kind) + b"<script>")
    assert b"<script>" not in logo and logo_of(logo) == logo, "the same once more"
    with Image.open(BytesIO(logo)) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (144, 96))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "logo_unreadable"),
        (picture("GIF"), "logo_unreadable"),
        (picture("PNG")[:60], "logo_unreadable"),
        (b"", "logo_unreadable"),
        (b"x" * (LARGEST_LOGO + 1), "logo_too_large"),
        (picture("PNG", (5000, 10)), "logo_too_wide"),
    ],
)
def test_an_invalid_logo_is_refused(sent: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as error:
        logo_of(sent)
    assert error.value.details["reason"] == reason


class Known(ReferenceData):
    """The library's reference data in memory."""

    def __init__(self, policy: Policy, *venues: Venue) -> None:
        self.policy, self.profile = policy, PROFILE
        self._resolved = {}
        self.catalog = Catalog("", {venue.id: venue for venue in venues}, {}, {})


DAY = date(2026, 9, 7)
numbers = st.fixed_dictionaries(
    {
        "daily_booking_limit": st.integers(1, 48),
        "leave_minutes": st.integers(1, 240),
        "violations_limit": st.integers(1, 100),
        "away_timeout_is_violation": st.booleans(),
    }
)


@given(numbers)
def test_the_default_rules_text_states_the_policy_values(values: dict[str, int]) -> None:
    reference = Known(replace(Policy(), **values), Venue(VENUE, "主馆"))  # type: ignore[arg-type]
    html = rules_html(reference, DAY, "")
    assert not PLACEHOLDER.search(html) and "<li></li>" not in html
    assert f"每人每天最多 {values['daily_booking_limit']} 次预约" in html
    assert f"暂离不超过 {values['leave_minutes']} 分钟" in html
    assert f"满 {values['violations_limit']} 次" in html
    assert ("暂离超时也记一次" in html) == values["away_timeout_is_violation"]


def test_custom_wording_is_filled_in_and_escaped() -> None:
    longer = replace(Policy(), areas={AreaId("hall"): {"max_minutes": 360}})
    reference = Known(longer, Venue(VENUE, "<b>馆</b>"), Venue(VENUE, "<b>馆</b>"))
    own = "# 规则\n\n- **{最长小时}** 小时\n- {签到方式}<script>\n- {特定日期规则}\n- {没有}"
    html = rules_html(reference, DAY, own)
    assert "<strong>4–6</strong> 小时" in html and "{没有}" in html
    assert "<script>" not in html and "<b>" not in html
    assert running_line_of(reference, DAY, "一次 {最长小时} 小时") == "一次 4–6 小时"
    assert "一次最多 4–6 小时" in running_line_of(reference, DAY, "")
    assert {*PLACEHOLDER.findall(RULES_TEXT + RUNNING_LINE)} == PLACEHOLDER_NAMES


def test_a_wording_is_edited_in_any_language() -> None:
    english = LANGUAGES["en"]
    for default in (RULES_TEXT, RUNNING_LINE):
        for language in LANGUAGES.values():
            assert not stored(str(language.say(default)), default), "it stays the default"
        codes = edited(default, english)
        assert not re.search("[一-龥]", codes)
        assert not stored(codes, default)
    own = stored("Up to {daily_limit} a day, {每天次数}, {nothing}", RUNNING_LINE)
    assert own == "Up to {每天次数} a day, {每天次数}, {nothing}"
    assert edited(own, english) == "Up to {daily_limit} a day, {daily_limit}, {nothing}"
    reference = Known(Policy(), Venue(VENUE, "Main"))
    reference.profile = replace(PROFILE, language="en")
    assert "kiosk" in rules_html(reference, DAY, "{签到方式}"), "in the library's language"


# --- no library's own name ------------------------------------------------------------------------
OTHERS = re.compile("日新工大|学研支持|北京工业|工大|一考即过|bjut", re.I)
RUN_BY_EVERYBODY = (
    "bind",
    "deploy",
    "handlers",
    "miniapp_server",
    "miniprogram",
    "models",
    "notify",
    "scripts",
)
KINDS = {
    ".py",
    ".html",
    ".js",
    ".css",
    ".svg",
    ".ts",
    ".json",
    ".wxml",
    ".wxss",
    ".example",
    ".txt",
}


def files() -> Iterator[Path]:
    for folder in RUN_BY_EVERYBODY:
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT).parts
            # A lock file is full of hashes, in which any four letters may stand.
            passed_over = {"node_modules", "tests", "demo_library", "package-lock.json"} & {*inside}
            if path.suffix in KINDS and not passed_over:
                yield path


def test_no_university_is_named_in_the_code_for_all_libraries() -> None:
    searched = list(files())
    assert len(searched) > 500 and {path.suffix for path in searched} >= {".py", ".html", ".ts"}
    wrong = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in searched
        if (match := OTHERS.search(path.read_text(encoding="utf-8")))
    ]
    assert wrong == []
    assert OTHERS.search(
        (ROOT / "miniapp_server/demo_library/library.json").read_text(encoding="utf-8")
    )


def test_a_profile_sets_the_librarys_time_zone() -> None:
    there = replace(PROFILE, zone="Asia/Kolkata", zone_minutes=330).clock
    assert there == Zone.fixed("Asia/Kolkata", 330)
