"""Visitors: their days, their activation code, and the review code."""

from __future__ import annotations

import re
from datetime import date, timedelta

from models.kernel.ids import ReaderId
from models.readers.entities import Visit
from models.staff.review_access import LIFETIME
from models.storage.mongo import new_id
from tests.api.console import post, staff
from tests.api.reader_pages import find
from tests.living import Living


async def test_a_visitor_books_on_the_days_of_the_visit_only(service: Living) -> None:
    desk = await staff(service)
    form = {"name": "周访客", "first": service.today, "last": service.today, "card": "VC0001"}
    made = await post(service, desk, "/console/readers/visitors", **form)
    assert made.status == 303
    here = made.headers["Location"].partition("?")[0]
    assert (await find(desk, "周访客")).headers["Location"] == here
    assert (await find(desk, "VC0001")).headers["Location"] == here
    seat = {"area": "2f-hall", "no": "010", "start": "14:00", "end": "15:00"}
    assert (await post(service, desk, f"{here}/book", **seat, date=service.today)).status == 303
    late = await post(service, desk, f"{here}/book", **seat, date=service.tomorrow)
    assert late.status == 422 and "来访登记" in late.body
    # Their days are changed, and somebody who saw the old ones overwrites nothing by accident.
    days = {"first": service.today, "last": service.tomorrow}
    days["was"] = f"{service.today}/{service.today}"
    assert (await post(service, desk, f"{here}/stay", **days)).status == 303
    late = await post(service, desk, f"{here}/stay", **days | {"last": service.today})
    assert late.status == 409
    assert (await post(service, desk, f"{here}/book", **seat, date=service.tomorrow)).status == 303
    # The code of their page lets a WeChat user in.
    code = re.search(r'class="digits">(\d{6})<', (await post(service, desk, f"{here}/code")).body)
    assert code is not None
    phone = await service.wx_user()
    await phone.ok("POST", "/bindings", {"activation_code": code[1]})
    assert (await phone.ok("GET", "/me"))["reader"]["name"] == "周访客"


async def test_a_visitors_binding_is_confirmed_by_staff_while_others_guess(service: Living) -> None:
    desk, phone = await staff(service), await service.wx_user()
    form = {"name": "周访客", "first": service.today, "last": service.tomorrow}
    made = await post(service, desk, "/console/readers/visitors", **form)
    here = made.headers["Location"].partition("?")[0]
    until = service.clock.now() + timedelta(minutes=10)
    many = {"_id": "activation:all", "n": 1_000_000, "until": until}
    await service.db["attempt_limits"].insert_one(many)

    async def confirmation_page() -> str:
        page = (await post(service, desk, f"{here}/code")).body
        code = re.search(r'class="digits">(\d{6})<', page)
        assert code is not None and "<svg" in page, "a picture to scan, too"
        waits = await phone.post("/bindings", {"activation_code": code[1]})
        assert waits.status == 202
        question = (await post(service, desk, f"{here}/code")).body
        assert f'class="digits">{waits.body["match_number"]}<' in question
        return str(waits.body["id"])

    refused = {"request": await confirmation_page(), "theirs": "no"}
    assert (await post(service, desk, f"{here}/binding", **refused)).status == 303
    assert (await phone.ok("GET", "/binding-requests/current"))["state"] == "refused"
    late = await post(service, desk, f"{here}/binding", **refused | {"theirs": "yes"})
    assert late.status == 409 and (await phone.ok("GET", "/me"))["reader"] is None
    await post(service, desk, f"{here}/binding", request=await confirmation_page(), theirs="yes")
    assert (await phone.ok("GET", "/me"))["reader"]["name"] == "周访客"
    entries = (
        await service.db["audit"].find({"action": {"$in": ["bind", "refuse_binding"]}}).to_list()
    )
    assert [(row["action"], row["outcome"]) for row in entries][::2] == [
        ("refuse_binding", "done"),
        ("bind", "done"),
    ]
    student = f"/console/readers/{(await service.web_reader()).reader_id}"
    answer = await post(service, desk, f"{student}/binding", **refused)
    assert answer.status == 404, "a student answers on their own page"


async def test_a_review_code_lets_one_wechat_user_in(service: Living) -> None:
    desk, first, second = await staff(service), await service.wx_user(), await service.wx_user()
    form = {"name": "审核人员", "first": service.today, "last": service.tomorrow}
    made = await post(service, desk, "/console/readers/visitors", **form)
    here = made.headers["Location"].partition("?")[0]

    async def issued() -> str:
        page = (await post(service, desk, f"{here}/review-code")).body
        code = re.search(r'class="big review-code">([\w-]{22})<', page)
        assert code is not None and "<svg" in page, "a picture to scan, too"
        return code[1]

    async def offered() -> bool:
        return bool((await second.ok("GET", "/library"))["review"])

    assert not await offered(), "only a phone that could use one says so"
    replaced, code = await issued(), await issued()
    assert await offered()
    stored = await service.all_documents()
    assert code not in stored and replaced not in stored
    page = (await desk.get(here)).body
    assert code not in page and "还没有使用" in page, "it is shown once"
    invalid = "422 activation_code_invalid"
    for path in ("/bindings", "/bindings/preview"):
        await first.refused(invalid, "POST", path, {"activation_code": replaced})
    whose = await first.ok("POST", "/bindings/preview", {"activation_code": code})
    assert whose["name_masked"] == "审*"
    # Weeks later it still is one; six digits never live longer than ten minutes.
    digits = await post(service, desk, f"{here}/code")
    number = re.search(r'class="digits">(\d{6})<', digits.body)
    assert number is not None
    await service.move(timedelta(minutes=11))
    await first.refused(invalid, "POST", "/bindings", {"activation_code": number[1]})
    await first.ok("POST", "/bindings", {"activation_code": code})
    assert (await first.ok("GET", "/me"))["reader"]["name"] == "审核人员"
    await second.refused(invalid, "POST", "/bindings", {"activation_code": code})
    assert "已使用" in (await desk.get(here)).body and not await offered()
    # Another one, for the next version, is taken back before anybody comes.
    await post(service, desk, f"{here}/unbind")
    third = await issued()
    revoke = f"{here}/review-code/revoke"
    assert (await post(service, desk, revoke)).status == 303
    assert (await post(service, desk, revoke)).status == 404
    await second.refused(invalid, "POST", "/bindings", {"activation_code": third})
    entries = await service.db["audit"].find({"action": {"$regex": "review_code"}}).to_list()
    assert [(row["action"], row["role"], row["outcome"]) for row in entries] == [
        ("review_code", "librarian", "done"),
        ("review_code", "librarian", "done"),
        ("use_review_code", "reader", "done"),
        ("review_code", "librarian", "done"),
        ("revoke_review_code", "librarian", "done"),
        ("revoke_review_code", "librarian", "not_found"),
    ]
    log = (await desk.get("/console/audit?action=use_review_code")).body
    assert "使用审核访问码" in log and "读者" in log


async def test_a_review_code_ends_after_thirty_days(service: Living) -> None:
    stored, now = service.inside.stored, service.clock.now()
    id, code = ReaderId(new_id()), "r" * 22
    days = Visit(now.date(), now.date() + timedelta(days=60))
    await stored.readers.admit_visitor(id, "审核人员", days, now)
    end = now + LIFETIME
    assert timedelta(days=30) == LIFETIME
    assert await stored.review_codes.issue(id, code, now, end)
    assert await stored.review_codes.redeem(code, end) is None
    assert await stored.review_codes.prune(end) == 0
    assert await stored.review_codes.reader_of(code, end - timedelta(seconds=1)) == id
    assert await stored.review_codes.prune(end + timedelta(days=1)) == 1


async def test_invalid_visitors_are_refused(service: Living) -> None:
    desk, student = await staff(service), await service.web_reader()
    form = {"name": "周访客", "first": service.today, "last": service.tomorrow}
    before = await service.books()
    yesterday = (date.fromisoformat(service.today) - timedelta(days=1)).isoformat()
    for wrong in (
        {"name": ""},
        {"name": "x" * 41},
        {"first": yesterday, "last": yesterday},
        {"first": service.tomorrow, "last": service.today},
        {"last": "2099-01-01"},
        {"card": "汉字"},
        {"reason": ""},
    ):
        answer = await post(service, desk, "/console/readers/visitors", **form | wrong)
        assert answer.status == 400 and 'role="alert"' in answer.body, wrong
    assert await service.books() == before
    here = f"/console/readers/{student.reader_id}"
    for page in ("code", "review-code", "review-code/revoke"):
        assert (await post(service, desk, f"{here}/{page}")).status == 404, "not a student's code"
    assert (await post(service, desk, f"{here}/stay", **form)).status == 404
