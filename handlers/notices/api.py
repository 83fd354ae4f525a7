"""通知公告."""

from __future__ import annotations

from handlers.http.endpoint import ApiRequest
from handlers.http.markdown import html_of
from handlers.http.schemas import Page, Pagination
from handlers.notices.schemas import NoticeDetail, NoticeOut
from models.kernel.time_range import to_local
from models.notices.service import NoticeService


async def list_current(call: ApiRequest, query: Pagination) -> Page[NoticeOut]:
    rows, total = await call[NoticeService].page_of(call.now, query.offset, query.page_size)
    items = [NoticeOut(n.id, n.title, to_local(n.published_at), n.pinned) for n in rows]
    return query.page_of(items, total)


async def get(call: ApiRequest) -> NoticeDetail:
    n = await call[NoticeService].get(call.id, call.now)
    return NoticeDetail(n.id, n.title, to_local(n.published_at), n.pinned, html_of(n.body))
