"""What the reader was told and what is held against them: messages and violations."""

from __future__ import annotations

from handlers.http import schemas
from handlers.http.endpoint import ApiRequest
from handlers.messages import presenter
from handlers.messages import schemas as messages_schemas


async def messages(
    call: ApiRequest, query: messages_schemas.MessagesQuery
) -> schemas.Page[messages_schemas.MessageOut]:
    rows, total = await call.services.messages.page_of(
        call.reader.id, query.unread, query.offset, query.page_size
    )
    items = [presenter.message(row) for row in rows]
    return query.page_of(items, total)


async def mark_read(call: ApiRequest, body: messages_schemas.MarkRead) -> None:
    await call.services.messages.mark_read(call.reader.id, body.ids)
