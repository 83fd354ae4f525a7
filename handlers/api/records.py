"""What the reader was told and what is held against them: messages and violations."""

from __future__ import annotations

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import ApiRequest
from models.violations import service as violations_service
from models.violations.service import violation_count


async def messages(call: ApiRequest, query: s.MessagesQuery) -> s.Page[s.MessageOut]:
    rows, total = await call.services.messages.page_of(
        call.reader.id, query.unread, query.offset, query.page_size
    )
    items = [present.message(row) for row in rows]
    return query.page_of(items, total)


async def mark_read(call: ApiRequest, body: s.MarkRead) -> None:
    await call.services.messages.mark_read(call.reader.id, body.ids)


async def violations(call: ApiRequest, query: s.Pagination) -> s.ViolationsOut:
    desk = call.services.desk
    rows, total = await desk.violations.page_of(call.reader.id, query.offset, query.page_size)
    items = [await present.violation(desk, v, call.now) for v in rows]
    window = await violation_count(desk, call.reader.id, call.now)
    return s.ViolationsOut(
        items,
        query.page,
        query.page_size,
        total,
        s.WindowOut(window.count, window.limit, window.days),
    )


async def appeal(call: ApiRequest, body: s.NewAppeal) -> s.ViolationOut:
    desk = call.services.desk
    kept = await violations_service.appeal(desk, call.reader.id, call.id, body.text, call.now)
    return await present.violation(desk, kept, call.now)
