"""Notices, kiosks, gates and deliveries in the console."""

from __future__ import annotations

import re
from datetime import timedelta

from models.code_sharing.service import CROWD_SIZE as CROWD
from models.identity.roles import Role
from models.staff.audit import AuditQuery
from tests.api.console import log, post, staff
from tests.api.deliveries import MANY, calls, misbehave, warm_up, way_of
from tests.api.devices import key_in
from tests.api.gate import gate_of
from tests.api.notices import WRITTEN
from tests.api.wechat_callbacks import event, push
from tests.living import Living

RETRY = "/console/deliveries/wechat/retry"


# --- notices --------------------------------------------------------------------------------------


async def test_a_notice_is_previewed_published_changed_and_withdrawn(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    before = await service.books()
    preview = await post(service, desk, "/console/notices", **WRITTEN, operation="preview")
    assert preview.status == 200 and "<strong>10月1日</strong>" in preview.body
    assert await service.books() == before
    assert (await post(service, desk, "/console/notices", **WRITTEN, pinned="on")).status == 303
    first = (await reader.ok("GET", "/notices"))["items"][0]
    assert first["title"] == WRITTEN["title"]
    here = f"/console/notices/{first['id']}"
    changed = WRITTEN | {"title": "国庆闭馆", "base": "0"}
    assert (await post(service, desk, here, **changed)).status == 303
    assert (await reader.ok("GET", f"/notices/{first['id']}"))["title"] == "国庆闭馆"
    # Who still sees the first version is told, and finds their text again.
    late = await post(service, desk, here, **WRITTEN | {"title": "另一个标题", "base": "0"})
    assert late.status == 409 and "另一个标题" in late.body
    assert (await reader.ok("GET", f"/notices/{first['id']}"))["title"] == "国庆闭馆"
    assert (await post(service, desk, f"{here}/withdraw", base="0")).status == 409
    assert (await post(service, desk, f"{here}/withdraw", base="1")).status == 303
    assert (await reader.get(f"/notices/{first['id']}")).code == "not_found"
    assert "已撤下" in (await desk.get("/console/notices")).body
    # And shown again.
    assert (await post(service, desk, here, **changed | {"base": "2"})).status == 303
    assert (await reader.get(f"/notices/{first['id']}")).status == 200
    rows, _ = await service.inside.stored.audit_log.page_of(
        AuditQuery(target=f"notice:{first['id']}"), 0, 9
    )
    outcomes = [row.outcome for row in rows]
    assert outcomes == ["done", "done", "done", "done"], "the late one never came so far"
    assert rows[-2].before["title"] == WRITTEN["title"]


async def test_an_invalid_notice_is_refused_and_kept_in_the_form(service: Living) -> None:
    desk = await staff(service)
    before = await service.books()
    for wrong in (
        {"title": ""},
        {"title": "x" * 61},
        {"title": "a\u202eb"},
        {"body": " "},
        {"body": "x" * 10_001},
        {"body": "a\x00b"},
        {"until": "2026-09-07T07:59"},
        {"reason": ""},
    ):
        answer = await post(service, desk, "/console/notices", **WRITTEN | wrong)
        assert answer.status == 400 and 'role="alert"' in answer.body, wrong
        assert "body" in wrong or "10月1日" in answer.body
    assert await service.books() == before
    assert (await desk.get("/console/notices/nothing")).status == 404
    # People write like this.
    right = {"title": "国庆　闭馆👨‍👩‍👧", "body": "各位读者：\n　　国庆期间闭馆。\u00a0"}
    assert (await post(service, desk, "/console/notices", **WRITTEN | right)).status == 303


# --- kiosks and gates -----------------------------------------------------------------------------


async def test_a_kiosk_is_added_and_its_key_rotated(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    form = {"device": "kiosk", "id": "5f-east", "name": "五层选座机", "venue": "library"}
    made = await post(service, head, "/console/devices", **form, kind="seat_kiosk")
    assert made.status == 200
    key = key_in(made.body)
    code = await service.anonymous.get("/kiosks/5f-east/code", **{"X-Kiosk-Key": key})
    assert code.status == 200 and "/k/5f-east?c=" in code.body["payload"]
    again = await post(service, head, "/console/devices", **form, kind="seat_kiosk")
    assert again.status == 409 and "已有这个编号" in again.body
    assert key not in (await head.get("/console/devices")).body, "shown once"
    rotated = await post(service, head, "/console/devices/kiosk/5f-east/key")
    for old, status in ((key, 401), (key_in(rotated.body), 200)):
        answer = await service.anonymous.get("/kiosks/5f-east/code", **{"X-Kiosk-Key": old})
        assert answer.status == status
    stored = str(await service.db["audit"].find().to_list(None))
    assert key not in stored and key_in(rotated.body) not in stored
    assert [action for action, _, outcome in await log(service) if outcome == "done"] == [
        *("device", "rotate")
    ]


async def test_a_gate_is_added_and_its_last_contact_shown(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    form = {"device": "gate", "id": "north", "name": "北门", "venue": "library"}
    made = await post(service, head, "/console/devices", **form)
    assert made.status == 200
    assert await service.inside.stored.gates.key("north") == key_in(made.body)
    assert "从未连接" in (await head.get("/console/devices")).body
    gate, reader = await gate_of(service), await service.reader()
    await gate.send([gate.event(reader, "in", "08:00")])
    assert "最近数据 2026-09-07" in (await head.get("/console/devices")).body
    before = await service.inside.stored.gates.key("main")
    assert (await post(service, head, "/console/devices/gate/main/key")).status == 200
    assert await service.inside.stored.gates.key("main") not in (before, None)


async def test_an_invalid_device_is_refused(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    right = {
        "device": "kiosk",
        "id": "5f-east",
        "name": "五层",
        "venue": "library",
        "kind": "seat_kiosk",
    }
    before = await service.inside.stored.catalogs.load()
    for wrong in (
        {"id": "5F"},
        {"id": "../x"},
        {"name": ""},
        {"name": "x" * 41},
        {"venue": "x"},
        {"kind": "x"},
        {"device": "x"},
        {"reason": ""},
    ):
        answer = await post(service, head, "/console/devices", **right | wrong)
        assert answer.status == 400 and 'role="alert"' in answer.body, wrong
    for path in ("kiosk/none", "gate/none", "door/main", "door/2f-south"):
        assert (await post(service, head, f"/console/devices/{path}/key")).status == 404, path
    assert await service.inside.stored.catalogs.load() == before


# --- messages -------------------------------------------------------------------------------------


async def test_failed_messages_are_listed_by_code_and_sent_again(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    await warm_up(service)
    await reader.accept("RESERVED", "RESERVED")
    await misbehave(service, subscribe_send={"errcode": 47003, "times": MANY})
    made = await reader.reserve("2f-hall-010")
    await service.settle()
    assert (await way_of(service, made)).state == "failed"
    page = (await desk.get("/console/deliveries")).body
    assert "发送失败的消息 1" in (await desk.get("/console")).body
    assert "47003" in page and "内容不符合模板" in page
    assert numbers(page, "失败") == 1 and numbers(page, "已发送") == 1
    before = await calls(service, "subscribe_send")
    assert (await post(service, desk, RETRY, reason="")).status == 400
    await misbehave(service)
    answer = await post(service, desk, RETRY)
    assert answer.headers["Location"].endswith("done=1")
    await service.settle()
    assert (await way_of(service, made)).state == "sent"
    assert len(await reader.messages()) == 1
    page = (await desk.get("/console/deliveries")).body
    assert "没有失败的消息" in page and numbers(page, "已发送") == 2 and before == 1
    again = await post(service, desk, RETRY)
    assert again.headers["Location"].endswith("done=0")


async def test_a_paused_channel_and_a_late_delivery_failure_are_shown(service: Living) -> None:
    """The account is refused and later accepted again; then WeChat reports a late delivery
    failure."""
    desk = await staff(service)
    readers = [await service.reader(), await service.reader()]
    await warm_up(service)
    for reader in (*readers, readers[0]):
        await reader.accept("RESERVED")
    await misbehave(service, subscribe_send={"errcode": 48001, "times": MANY})
    made = [await r.reserve(f"2f-hall-01{n}") for n, r in enumerate(readers)]
    gone = await readers[0].reserve("2f-hall-020", "now", "09:00")
    await service.settle()
    refresh = service.scheduler.job("refresh")
    assert refresh is not None
    await refresh.run(service.clock.now())
    page, first = (await desk.get("/console/deliveries")).body, (await desk.get("/console")).body
    assert (
        "暂停发送" in page and "48001" in page and "自动补发" in page and numbers(page, "失败") == 0
    )
    assert "微信消息暂停发送" in first and "发送失败的消息" not in first
    ready = (await service.anonymous.get("//readyz")).body
    assert "refused (48001) since 2026" in ready["troubles"]["wechat"], ready
    assert (
        'seat_channel_paused{channel="wechat",reason="refused"} 1.0'
        in (await service.anonymous.get("//metrics")).body
    )
    await service.move(timedelta(hours=1))
    await misbehave(service)
    await service.move(timedelta(minutes=20))
    await refresh.run(service.clock.now())
    assert [(await way_of(service, m)).state for m in made] == ["sent", "sent"]
    assert (await way_of(service, gone)).state == "expired"
    page = (await desk.get("/console/deliveries")).body
    assert "暂停发送" not in page and "已过时" in page and "微信拒绝本小程序发送" in page
    assert (
        'seat_channel_paused{channel="wechat",reason="refused"} 0.0'
        in (await service.anonymous.get("//metrics")).body
    )
    assert "wechat" not in (await service.anonymous.get("//readyz")).body["troubles"]

    stored = await service.db["deliveries"].find_one(
        {"reader": readers[0].reader_id, "state": "sent"}
    )
    assert stored is not None and stored["msgid"]
    # The one between is another system's; it is told of in the same second as ours.
    for code, msgid in (("0", ""), ("1003", "77"), ("1003", stored["msgid"])):
        entry = (
            "<SubscribeMsgSentEvent><List><TemplateId>sandbox-reserved</TemplateId>"
            f"<MsgID>{msgid or stored['msgid']}</MsgID><ErrorCode>{code}</ErrorCode>"
            "<ErrorStatus>system &lt;failure&gt;</ErrorStatus></List></SubscribeMsgSentEvent>"
        )
        said = event(readers[0].openid, "subscribe_msg_sent_event", more=entry, at=int(code))
        assert (await push(service, "mini", said)).body == "success"
        state = "failed" if msgid == stored["msgid"] else "sent"
        assert (await way_of(service, made[0])).state == state
    assert (await way_of(service, made[0])).codes[-2:] == [0, 1003]
    page = (await desk.get("/console/deliveries")).body
    assert "1003" in page and "system &lt;failure&gt;" in page and numbers(page, "失败") == 1
    assert (await way_of(service, made[1])).state == "sent"


def numbers(page: str, words: str) -> int:
    match = re.search(rf"<dt>{words}</dt><dd>(\d+)</dd>", page)
    assert match is not None
    return int(match[1])


async def test_outdated_failed_messages_are_not_sent_again(service: Living) -> None:
    desk, late, other = await staff(service), await service.reader(), await service.reader()
    await warm_up(service)
    for reader in (late, other):
        await reader.accept("RESERVED")
    await misbehave(service, subscribe_send={"errcode": 47003, "times": MANY})
    over = await late.reserve("2f-hall-010", "now", "09:00")
    gone = await other.reserve("2f-hall-011")
    await service.settle()
    await other.ok("POST", f"/reservations/{gone['id']}/cancel")
    await service.move("10:00")
    await misbehave(service)
    answer = await post(service, desk, RETRY)
    assert answer.headers["Location"].endswith("done=0")
    assert (await way_of(service, over)).state == "failed"
    assert await late.messages() == await other.messages() == []


# --- code sharing --------------------------------------------------------------------


async def test_suspected_code_sharing_is_listed_in_the_console(service: Living) -> None:
    desk = await staff(service)
    assert "没有线索" in (await desk.get("/console/code-sharing")).body
    readers = [await service.reader() for _ in range(CROWD)]
    for number, reader in enumerate(readers):
        await reader.reserve(f"3f-east-{number + 1:03}", "now", "12:00")
    qr = await service.qr()
    for reader in readers:
        (made,) = (await reader.ok("GET", "/reservations"))["items"]
        await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": qr})
    await service.move("08:10")
    page = (await desk.get("/console/code-sharing")).body
    assert page.count("同一个码有许多读者使用") == CROWD and "选座机" in page
    assert readers[0].number not in page
