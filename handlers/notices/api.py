"""通知公告."""

from __future__ import annotations

from handlers.api import schemas as s
from handlers.http.endpoint import ApiRequest
from handlers.http.markdown import html_of
from models.kernel.errors import NotFound
from models.kernel.time_range import to_local


async def listed(call: ApiRequest, query: s.Pagination) -> s.Page[s.NoticeOut]:
    rows, total = await call.services.desk.notices.page_of(call.now, query.offset, query.page_size)
    items = [s.NoticeOut(n.id, n.title, to_local(n.published_at), n.pinned) for n in rows]
    return query.page_of(items, total)


async def one(call: ApiRequest) -> s.NoticeDetail:
    n = await call.services.desk.notices.get(call.id, call.now)
    if n is None:
        raise NotFound()
    return s.NoticeDetail(n.id, n.title, to_local(n.published_at), n.pinned, html_of(n.body))
