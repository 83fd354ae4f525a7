"""留言: the archive, one reader's thread, notes for colleagues and canned answers."""

from __future__ import annotations

import re
from datetime import timedelta

from models.identity.roles import Role
from models.staff.audit import AuditQuery
from tests.api.audit_log import looks
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.feedback import add_question
from tests.living import Living

HERE = "/console/questions"


async def test_answered_feedback_stays_in_the_archive(service: Living) -> None:
    reader, other, desk = await service.reader(), await service.reader(), await staff(service)
    first = await add_question(service, reader, "插座不通电")
    await add_question(service, other, "空调太冷")
    assert (await post(service, desk, f"{HERE}/{first}", text="已报修")).status == 303
    await service.move(timedelta(days=1))
    desk = await staff(service)
    await add_question(service, reader, "谢谢，修好了")
    waiting = (await desk.get(HERE)).body
    assert waiting.index("空调太冷") < waiting.index("谢谢，修好了") and "插座不通电" not in waiting
    archive = (await desk.get(f"{HERE}?state=answered")).body
    assert "插座不通电" in archive and "已报修" in archive and "空调太冷" not in archive
    all_ = (await desk.get(f"{HERE}?state=all")).body
    assert all_.index("谢谢，修好了") < all_.index("插座不通电"), "the newest first"
    monday = (await desk.get(f"{HERE}?state=all&from=2026-09-07&to=2026-09-07")).body
    assert "插座不通电" in monday and "空调太冷" in monday and "谢谢，修好了" not in monday
    nothing = (await desk.get(f"{HERE}?state=all&from=2026-09-09")).body
    assert "没有这样的留言" in nothing
    for wrong in ("state=x", "state=all&from=x", "state=all&from=0001-01-01"):
        assert (await desk.get(f"{HERE}?{wrong}")).status == 400, wrong
    thread = (await desk.get(f"/console/readers/{reader.reader_id}/questions")).body
    assert "插座不通电" in thread and "谢谢，修好了" in thread and "空调太冷" not in thread
    assert (await looks(service))[-1][:2] == ("look_up", f"reader:{reader.reader_id}")


async def test_a_refused_reply_is_kept_in_the_form(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    id = await add_question(service, reader, "插座不通电")
    before = await service.books()
    long = "长" * 1001
    refused = await post(service, desk, f"{HERE}/{id}", text=long)
    assert refused.status == 400 and long in refused.body and "最多 1000 字" in refused.body
    assert await service.books() == before
    assert (await post(service, desk, f"{HERE}/{id}", text="已报修")).status == 303
    late = await post(service, desk, f"{HERE}/{id}", text="我去看看")
    assert late.status == 409 and "您写的是：我去看看" in late.body and "已报修" in late.body
    texts = [m["text"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert len(texts) == 1 and "我去看看" not in texts[0]


async def test_notes_are_visible_to_staff_only(service: Living) -> None:
    reader, desk = await service.web_reader(), await staff(service)
    id = await add_question(service, reader, "插座不通电")
    path = f"{HERE}/{id}/note"
    assert (await post(service, desk, path, rev="0", note="已转后勤")).status == 303
    assert "已转后勤" in (await desk.get(f"{HERE}?state=all")).body
    assert "已转后勤" in (await (await staff(service, Role.VIEWER)).get(HERE)).body
    second = await post(service, desk, path, rev="0", note="我来处理")
    assert second.status == 409 and "我来处理" in second.body and "已转后勤" in second.body
    assert (await post(service, desk, path, rev="x", note="a")).status == 400
    assert (await post(service, desk, path, rev="1", note="长" * 1001)).status == 400
    assert (await post(service, desk, path, rev="1", note="我来处理")).status == 303
    assert (await post(service, desk, f"{HERE}/none/note", rev="0", note="a")).status == 404
    own = (await Browser(reader).get("/contact")).body
    assert "插座不通电" in own and "我来处理" not in own
    stored = await service.all_documents()
    assert "我来处理" not in stored and "已转后勤" not in stored, "sealed"
    assert [(a, o) for a, _, o in await log(service)] == [
        ("feedback_note", "done"),
        ("feedback_note", "feedback_changed"),
        ("feedback_note", "done"),
    ]


async def test_canned_answers_are_added_changed_and_deleted(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service)
    here = "/console/canned-answers"
    assert "还没有常用答复" in (await desk.get(here)).body
    for form in (
        {"title": "", "text": "x"},
        {"title": "长" * 31, "text": "x"},
        {"title": "报修", "text": ""},
    ):
        refused = await post(service, desk, here, **form)
        assert refused.status == 400 and 'role="alert"' in refused.body
        assert form["title"] in refused.body
    assert (
        await post(service, desk, here, title="报修", text="已转后勤，一周内处理。")
    ).status == 303
    (canned,) = await service.inside.stored.canned_answers.all()
    one = f"{here}/{canned.id}"
    assert (await post(service, desk, one, rev="1", title="报修", text="已报修。")).status == 303
    late = await post(service, desk, one, rev="1", title="报修", text="请等一等。")
    assert late.status == 409 and "请等一等。" in late.body and "已报修。" in late.body
    assert (await post(service, desk, one, rev="1", remove="1")).status == 409

    id = await add_question(service, reader, "插座不通电")
    filled = await post(service, desk, f"{HERE}/{id}", text="您好。", canned=canned.id, fill="1")
    typed = re.search(r"<textarea[^>]*name=\"text\"[^>]*>([^<]*)</textarea>", filled.body)
    assert filled.status == 200 and typed and typed[1] == "您好。\n已报修。"
    assert await service.inside.stored.feedback.waiting(1), "filling in sends nothing"
    assert (await post(service, desk, one, rev="2", remove="1")).status == 303
    assert await service.inside.stored.canned_answers.all() == []
    entries, _ = await service.inside.stored.audit_log.page_of(
        AuditQuery(action="canned_answer"), 0, 10
    )
    assert [e.outcome for e in reversed(entries)] == [
        *("done", "done", "feedback_changed", "feedback_changed", "done"),
    ]
