from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.schemas import Pagination
from handlers.violations import presenter
from handlers.violations.schemas import NewAppeal, ViolationOut, ViolationsOut, WindowOut
from models.kernel.errors import NotFound
from models.violations.entities import Violation
from models.violations.errors import NothingToAppeal
from models.violations.service import ViolationService

routes = ApiRoutes()


@routes.get("/violations", "List the reader's violations and their appeals")
async def list_own(call: ApiRequest, query: Pagination) -> ViolationsOut:
    violations = call[ViolationService]
    rows, total = await violations.page_of(call.reader.id, query.offset, query.page_size)
    items = [await _presented(call, v) for v in rows]
    window = await violations.violation_count(call.reader.id, call.now)
    return ViolationsOut(
        items,
        query.page,
        query.page_size,
        total,
        WindowOut(window.count, window.limit, window.days),
    )


@routes.post(
    "/violations/{id}/appeal", "Appeal against a violation", errors=(NotFound, NothingToAppeal)
)
async def appeal(call: ApiRequest, body: NewAppeal) -> ViolationOut:
    violation = await call[ViolationService].appeal(call.reader.id, call.id, body.text, call.now)
    return await _presented(call, violation)


async def _presented(call: ApiRequest, v: Violation) -> ViolationOut:
    return await presenter.violation(call, v)
