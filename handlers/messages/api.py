from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.schemas import Page
from handlers.messages import presenter
from handlers.messages.schemas import MarkRead, MessageOut, MessagesQuery
from models.messages.service import MessageService

routes = ApiRoutes()


@routes.get("/messages", "List the reader's messages, newest first")
async def list_own(call: ApiRequest, query: MessagesQuery) -> Page[MessageOut]:
    rows, total = await call[MessageService].page_of(
        call.reader.id, query.unread, query.offset, query.page_size
    )
    return query.page_of([presenter.message(call.zone, row) for row in rows], total)


@routes.post("/messages/read", "Mark messages as read")
async def mark_read(call: ApiRequest, body: MarkRead) -> None:
    await call[MessageService].mark_read(call.reader.id, body.ids)
