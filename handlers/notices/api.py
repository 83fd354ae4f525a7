from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.markdown import html_of
from handlers.http.schemas import Page, Pagination
from handlers.notices.schemas import NoticeDetail, NoticeOut
from models.identity.api_tokens import Scope
from models.kernel.errors import Forbidden, NotFound
from models.notices.service import NoticeService

routes = ApiRoutes()


@routes.get(
    "/notices",
    "List the library's current notices",
    Access.SESSION,
    scope=Scope.CATALOG_READ,
    errors=(Forbidden,),
)
async def list_current(call: ApiRequest, query: Pagination) -> Page[NoticeOut]:
    rows, total = await call[NoticeService].page_of(call.now, query.offset, query.page_size)
    items = [NoticeOut(n.id, n.title, call.zone.local(n.published_at), n.pinned) for n in rows]
    return query.page_of(items, total)


@routes.get(
    "/notices/{id}",
    "Get a notice",
    Access.SESSION,
    scope=Scope.CATALOG_READ,
    errors=(Forbidden, NotFound),
)
async def get(call: ApiRequest) -> NoticeDetail:
    n = await call[NoticeService].get(call.id, call.now)
    return NoticeDetail(n.id, n.title, call.zone.local(n.published_at), n.pinned, html_of(n.body))
