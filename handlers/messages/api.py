"""What the reader was told and what is held against them: messages and violations."""

from __future__ import annotations

from handlers.api import schemas as s
from handlers.http.endpoint import ApiRequest
from handlers.messages import presenter


async def messages(call: ApiRequest, query: s.MessagesQuery) -> s.Page[s.MessageOut]:
    rows, total = await call.services.messages.page_of(
        call.reader.id, query.unread, query.offset, query.page_size
    )
    items = [presenter.message(row) for row in rows]
    return query.page_of(items, total)


async def mark_read(call: ApiRequest, body: s.MarkRead) -> None:
    await call.services.messages.mark_read(call.reader.id, body.ids)
