"""客服咨询: each text is stored once and answered once, in the app."""

from __future__ import annotations

import pytest

from handlers.http.keys import service_key
from models.feedback.staff import StaffFeedback
from models.identity.roles import Role
from models.kernel.errors import NotFound, WrongState
from models.staff.audit_log import StaffContext
from tests.api.browsing import Browser
from tests.builders import ZONE
from tests.living import Living, living

QUESTION = "065 号座位的插座没有电\r\n请修一下 <b>谢谢</b>"


@pytest.fixture
async def browser(service: Living) -> Browser:
    return Browser(await service.web_reader())


async def reply(service: Living, id: str, text: str) -> None:
    """Replies as a staff member."""
    staff = await service.inside.stored.readers.get((await service.web_reader()).reader_id)
    assert staff is not None
    await service.app[service_key(StaffFeedback)].reply(
        StaffContext(staff, Role.LIBRARIAN, service.clock.now(), ZONE), id, text
    )


async def test_a_question_is_stored_once_and_its_answer_reaches_the_reader(
    service: Living, browser: Browser
) -> None:
    assert "开馆时间可到图书馆服务台咨询" in (await browser.get("/contact")).body
    form = {"csrf": await browser.token("/contact"), "key": "tap-1", "text": QUESTION}
    for _ in range(2):  # a form sent twice
        assert (await browser.post("/contact", form, service.base)).status == 303
    feedbacks = service.inside.stored.feedback
    (question,) = await feedbacks.waiting(10)
    assert question.text == QUESTION.replace("\r\n", "\n")
    page = (await browser.get("/contact")).body
    assert "待答复" in page and "&lt;b&gt;谢谢" in page and "<b>谢谢" not in page
    other = Browser(await service.web_reader())
    assert "插座" not in (await other.get("/contact")).body

    for _ in range(2):  # said again: told once
        await reply(service, question.id, "今天下午修好。")
    with pytest.raises(WrongState):
        await reply(service, question.id, "另一种说法")
    with pytest.raises(NotFound):
        await reply(service, "nothing", "?")
    assert not await feedbacks.waiting(10)
    await service.settle()
    inbox = await browser.client.call("GET", "/messages", **browser.cookie)
    (message,) = inbox.body["items"]
    assert (message["template"], message["title"], message["read"]) == (
        "ANSWER",
        "服务台回复",
        False,
    )
    assert message["text"].endswith("答复：今天下午修好。")
    assert "今天下午修好" in (await browser.get("/contact")).body
    assert "今天下午修好" in (await browser.get("/notices")).body


async def test_an_answer_outlives_old_readers_pruning(service: Living, browser: Browser) -> None:
    """Messages are pruned by the time in their ids, so an answer's id must be later than the
    question's."""
    form = {"csrf": await browser.token("/contact"), "key": "k", "text": "几点闭馆？"}
    await browser.post("/contact", form, service.base)
    (question,) = await service.inside.stored.feedback.waiting(10)
    await reply(service, question.id, "22:30")
    assert question.reader_id is not None
    reader = await service.inside.stored.readers.get(question.reader_id)
    assert reader is not None and question.id > reader.id


async def test_a_refused_text_is_kept_in_the_form(service: Living, browser: Browser) -> None:
    """Accepted texts are in tests/unit/test_feedback."""
    form = {"csrf": await browser.token("/contact"), "text": "x" * 1001}
    answered = await browser.post("/contact", form, service.base)
    assert answered.status == 422 and 'role="alert"' in answered.body
    assert form["text"] in answered.body
    assert not await service.inside.stored.feedback.waiting(10)


async def test_a_second_text_from_the_same_form_is_stored_as_a_new_question(
    service: Living, browser: Browser
) -> None:
    texts = ["谢谢 👨\u200d👩\u200d👧", "再问一次"]
    form = {"csrf": await browser.token("/contact"), "key": "the same"}
    for text in texts:
        assert (await browser.post("/contact", form | {"text": text}, service.base)).status == 303
    assert [f.text for f in await service.inside.stored.feedback.waiting(10)] == texts


async def test_a_throttled_text_is_kept_in_the_form(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        await _writes_too_often(service, Browser(await service.web_reader()))


async def _writes_too_often(service: Living, browser: Browser) -> None:
    form = {"csrf": await browser.token("/contact")}
    for number in range(5):
        sent = form | {"key": f"k{number}", "text": f"第 {number} 个问题"}
        assert (await browser.post("/contact", sent, service.base)).status == 303
    refused = await browser.post("/contact", form | {"text": "第 6 个“问题”"}, service.base)
    assert refused.status == 429 and int(refused.headers["Retry-After"]) > 60
    assert ">第 6 个“问题”</textarea>" in refused.body and "请 10 分钟后再试" in refused.body
    assert len(await service.inside.stored.feedback.waiting(10)) == 5


async def test_an_answer_reaches_the_app_without_consent(service: Living, browser: Browser) -> None:
    subscriptions = await browser.client.call("GET", "/me", **browser.cookie)
    assert "ANSWER" not in subscriptions.body["subscriptions"]
    wish = {"results": {"ANSWER": "accept"}}
    phone = await service.reader()
    await phone.refused("422 unknown_template", "POST", "/subscriptions", wish)
