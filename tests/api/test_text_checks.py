"""Readers' texts are stored first and checked by WeChat afterwards; staff see the verdict."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from miniapp_server import seed as seeding
from miniapp_server.cli.feedback import listed
from models.feedback.entities import Feedback
from models.identity.roles import Role
from models.text_checks.entities import TextVerdict
from models.violations.entities import Violation
from tests.api.browsing import Browser
from tests.api.console import librarian, post, staff
from tests.api.deliveries import MANY, calls, misbehave
from tests.api.feedback import add_question
from tests.api.room_bookings import SEMINAR, SMALL, book
from tests.api.violations import missed
from tests.builders import ZONE
from tests.living import Client, Living, living

FOLDED: Final = "微信提示内容可能违规，点开查看"
LOOK: Final = "待查看"
UNCHECKED: Final = "未检测"
JOB: Final = ("check_texts",)
FAULTS: Final = "/seats/2f-hall-012/faults"


async def opens(service: Living, reader: Client) -> None:
    """The reader opens the mini-program, which WeChat records."""
    code = f"demo-{reader.name}-{service.clock.now():%d%H%M%S}"
    await service.anonymous.ok("POST", "/wx/login", {"code": code})


async def watch(service: Living, **mode: int) -> None:
    """Counts the checks from now on. The first call gets this WeChat's token, since tests share one
    Redis."""
    await service.resources.mini_program.check_text("o-nobody", "…")
    await misbehave(service, msg_sec_check={**mode, "times": MANY})


async def verdicts(service: Living, reader: Client) -> list[str]:
    """The verdicts of the reader's feedback, oldest first."""
    questions, _ = await service.inside.stored.feedback.page_of(reader.reader_id, 0, 50)
    return [f.verdict.value for f in reversed(questions)]


async def feedback_of(service: Living) -> list[Feedback]:
    """Feedback that waits for a reply, oldest first."""
    return await service.inside.stored.feedback.waiting(50)


async def test_texts_are_checked_after_they_are_stored(service: Living) -> None:
    """Feedback, a fault report, an appeal and the purpose of a room."""
    reader = await missed(service, 1)
    (one,) = (await reader.ok("GET", "/violations"))["items"]
    await opens(service, reader)
    for text in ("插座不通电", "sandbox-review 请看", "sandbox-risky 一句"):
        await add_question(service, reader, text)
    await reader.ok("POST", FAULTS, {"kind": "chair", "text": "sandbox-risky 二句"})
    await reader.ok("POST", FAULTS, {"kind": "lamp"})
    appeal = f"/violations/{one['id']}/appeal"
    await reader.ok("POST", appeal, {"text": "sandbox-risky 三句"})
    asked = await book(service, reader, SEMINAR, purpose="sandbox-risky 四句")
    await book(service, reader, SMALL, start="17:00", end="18:00", purpose="")
    desk = await staff(service)
    questions = (await desk.get("/console/questions")).body
    assert questions.count(UNCHECKED) == 3 and FOLDED not in questions and "一句" in questions

    await watch(service)
    await service.settle(JOB)
    assert await calls(service, "msg_sec_check") == 6, "what says nothing is not asked about"
    assert await verdicts(service, reader) == ["pass", "review", "risky"]
    for path, words in (
        ("/console/questions", "sandbox-risky 一句"),
        (f"/console/readers/{reader.reader_id}/questions", "sandbox-risky 一句"),
        ("/console/faults", "sandbox-risky 二句"),
        ("/console/appeals", "sandbox-risky 三句"),
        ("/console/rooms", "sandbox-risky 四句"),
    ):
        page = (await desk.get(path)).body
        _, folded = page.split(f'<details class="risky"><summary>{FOLDED}</summary>')
        assert words in folded.partition("</details>")[0] and UNCHECKED not in page, path
    assert questions.count(LOOK) + 1 == (await desk.get("/console/questions")).body.count(LOOK)
    (waiting,) = (
        await (await service.web_reader(role=Role.LIBRARIAN)).ok("GET", "/staff/appeals")
    )["items"]
    assert waiting["text_check"] == "risky"
    (request,) = (await (await librarian(service)).ok("GET", "/staff/room-requests"))["items"]
    assert (request["text_check"], request["id"]) == ("risky", asked["id"])
    browser = Browser(await service.web_reader(reader))
    own = (await browser.get("/contact")).body
    assert "sandbox-risky 一句" in own and FOLDED not in own, "who wrote it is told nothing"
    mine = (await browser.get("/me/data.json")).body["feedback"]
    exported = {(written["text"], written["check"]["verdict"]) for written in mine}
    assert ("sandbox-review 请看", "review") in exported and len(mine) == 3

    lines = [
        listed(ZONE, f, "", risky) for f in await feedback_of(service) for risky in (False, True)
    ]
    assert ["一句" in line for line in lines] == [False] * 5 + [True], "on a terminal, too"

    await service.settle(JOB)
    assert await calls(service, "msg_sec_check") == 6, "once"
    answered = await post(service, desk, f"/console/appeals/{one['id']}", granted="no", text="不")
    assert answered.status == 303, "the librarian decides, whatever WeChat says"


async def test_texts_of_readers_without_wechat_are_not_checked(service: Living) -> None:
    """A web reader and an unbound follower: unchecked, without a call to WeChat."""
    reader = await service.web_reader()
    now = service.clock.now()
    await add_question(service, reader, "sandbox-risky")
    await service.inside.stored.feedback.add(None, "mp-1", "sandbox-risky", now, "mp")
    await watch(service)
    await service.settle(JOB)
    assert await calls(service, "msg_sec_check") == 0
    page = (await (await staff(service)).get("/console/questions")).body
    assert page.count(UNCHECKED) == 2 and FOLDED not in page
    assert await service.inside.stored.text_checks.waiting(now + timedelta(days=9), 9) == []


@pytest.mark.whole
async def test_texts_of_readers_not_recently_in_the_mini_program_are_retried(
    service: Living,
) -> None:
    """WeChat only checks texts of users who were in the mini-program in the last two hours
    (61010)."""
    late, never = await service.reader(), await service.reader()
    for reader in (late, never):
        await add_question(service, reader, "插座不通电")
    await watch(service)
    await service.settle(JOB)
    await service.settle(JOB)
    assert await calls(service, "msg_sec_check") == 2, "in an hour again, and not at once"
    await service.move(timedelta(minutes=59))
    assert await calls(service, "msg_sec_check") == 2
    await opens(service, late)
    await service.move(timedelta(minutes=2))
    assert (await verdicts(service, late), await verdicts(service, never)) == (
        ["pass"],
        ["unchecked"],
    )
    before = await calls(service, "msg_sec_check")
    await service.move(timedelta(days=1))
    for _ in range(2):
        await opens(service, never)
        await service.move(timedelta(hours=2))
    assert await verdicts(service, never) == ["unchecked"], "after a day it stays so"
    assert await calls(service, "msg_sec_check") - before <= 24


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ({"errcode": 48001}, "refused"),
        pytest.param({"errcode": 44991}, "quota_minute", marks=pytest.mark.whole),
    ],
)
async def test_a_refusal_of_the_account_pauses_the_checks(
    service: Living, mode: dict[str, int], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One log line reports it; texts stay unchecked and messages go on."""
    caplog.set_level(logging.INFO)
    reader = await service.reader()
    await opens(service, reader)
    texts = [f"sandbox-risky {n}" for n in range(4)]
    for text in texts:
        await add_question(service, reader, text)
    await watch(service, **mode)
    for _ in range(3):
        await service.settle(JOB)
    assert await calls(service, "msg_sec_check") == 1
    # Where nothing is to be done, a line of another level.
    event = "channel_waits" if reason == "quota_minute" else "channel_paused"
    record: Any
    (record,) = [r for r in caplog.records if r.getMessage().startswith("channel_")]
    assert (record.getMessage(), record.channel, record.reason) == (event, "text_checks", reason)
    assert record.errcode == mode["errcode"]
    assert not any(text in str(r.__dict__) for r in caplog.records for text in texts)
    page = (await (await staff(service)).get("/console/questions")).body
    assert page.count(UNCHECKED) == 4 and FOLDED not in page
    await reader.accept("RESERVED")
    await reader.reserve()
    await service.settle()
    assert len(await reader.messages()) == 1, "messages are not paused"

    await misbehave(service)
    await service.move("08:20")
    assert set(await verdicts(service, reader)) == {"risky"}
    assert await service.db["pauses"].count_documents({}) == 0


async def test_checks_stop_while_wechat_is_away(service: Living) -> None:
    """Each run makes at most one failing call; after five the checks are paused."""
    reader = await service.reader()
    await opens(service, reader)
    for n in range(8):
        await add_question(service, reader, f"插座 {n}")
    await watch(service, status=502)
    job, now = service.scheduler.job("check_texts"), service.clock.now()
    assert job is not None
    for n in range(1, 6):
        assert await job.run(now) == 0
        assert await calls(service, "msg_sec_check") == n
    await job.run(now)
    assert await calls(service, "msg_sec_check") == 5, "paused"
    (pause,) = await service.db["pauses"].find().to_list(None)
    assert pause["_id"].startswith("text_checks:") and pause["reason"] == "away"
    await misbehave(service)
    await service.move("08:10")
    assert set(await verdicts(service, reader)) == {"pass"}


async def test_a_text_that_wechat_refuses_stays_unchecked_and_blocks_no_other(
    service: Living, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged without the text."""
    reader = await service.reader()
    await opens(service, reader)
    await add_question(service, reader, "第一句")
    await add_question(service, reader, "第二句")
    await misbehave(service, msg_sec_check={"errcode": 40097, "times": 1})
    await service.settle(JOB)
    assert await verdicts(service, reader) == ["unchecked", "pass"]
    (line,) = [r for r in caplog.records if r.getMessage() == "text_check_refused"]
    assert line.__dict__["errcode"] == 40097 and "第一句" not in str(line.__dict__)


@pytest.mark.whole
async def test_a_text_erased_during_its_check_gets_no_verdict(service: Living) -> None:
    """WeChat answers after the reader's erasure: no document is recreated."""
    (checks,) = (group for group in service.scheduler.groups if group.name in JOB)
    checks.put_off = lambda: True
    reader = await missed(service, 1)
    (one,) = (await reader.ok("GET", "/violations"))["items"]
    await reader.ok("POST", f"/violations/{one['id']}/appeal", {"text": "sandbox-risky"})
    await add_question(service, reader, "sandbox-risky")
    room = await book(service, reader, purpose="sandbox-risky")
    stored, now = service.inside.stored, service.clock.now()
    waiting = await stored.text_checks.waiting(now, 9)
    assert {text.collection for text in waiting} == {"feedback", "reservations", "violations"}
    person = await stored.readers.get(reader.reader_id)
    assert person is not None
    await service.inside.erasure.erase(person, now)
    for text in waiting:
        assert not await stored.text_checks.keep(text, TextVerdict.RISKY, now)
    assert await service.db["feedback"].count_documents({}) == 0
    violation = await stored.violations.get(one["id"])
    assert isinstance(violation, Violation) and violation.appeal is not None
    assert (violation.appeal.text, violation.appeal.verdict) == ("", TextVerdict.UNCHECKED)
    left = await stored.room_bookings.get(room["id"])
    assert left is not None and (left.purpose, left.verdict) == ("", TextVerdict.UNCHECKED)
    assert await stored.text_checks.waiting(now + timedelta(days=9), 9) == []


@pytest.mark.whole
async def test_a_changed_purpose_is_checked_anew(service: Living) -> None:
    reader, stored = await service.reader(), service.inside.stored
    id = (await book(service, reader, purpose="sandbox-risky"))["id"]
    await opens(service, reader)
    await service.settle(JOB)
    for purpose, verdict in (("sandbox-review", "review"), ("sandbox-review", "review"), ("", "")):
        old = await stored.room_bookings.get(id)
        assert old is not None and old.verdict is not TextVerdict.UNCHECKED
        await stored.room_bookings.replace(ZONE, old, replace(old, purpose=purpose))
        await service.settle(JOB)
        new = await stored.room_bookings.get(id)
        assert new is not None and new.verdict == (verdict or "unchecked")


@pytest.mark.whole
async def test_a_library_without_wechat_shows_no_check_mark(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, CAS_BASE_URL="http://127.0.0.1:9/cas") as plain:
        await seeding.seed(
            plain.inside.stored, plain.inside.reference, seeding.read(), plain.clock.now()
        )
        await add_question(plain, await plain.web_reader(), "插座不通电")
        assert plain.scheduler.job("check_texts") is None
        cookie = {"Cookie": f"seat_sid={(await plain.web_reader(role=Role.LIBRARIAN)).token}"}
        page = (await plain.anonymous.get("//console/questions", Accept="text/html", **cookie)).body
        assert "插座不通电" in page and UNCHECKED not in page
