"""通知公告."""

from __future__ import annotations

from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from handlers.http.markdown import html_of
from handlers.notices import schemas
from models.kernel.errors import NotFound
from models.kernel.time_range import to_local


async def listed(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.NoticeOut]:
    rows, total = await call.services.desk.notices.page_of(call.now, query.offset, query.page_size)
    items = [schemas.NoticeOut(n.id, n.title, to_local(n.published_at), n.pinned) for n in rows]
    return query.page_of(items, total)


async def one(call: ApiRequest) -> schemas.NoticeDetail:
    n = await call.services.desk.notices.get(call.id, call.now)
    if n is None:
        raise NotFound()
    return schemas.NoticeDetail(n.id, n.title, to_local(n.published_at), n.pinned, html_of(n.body))
