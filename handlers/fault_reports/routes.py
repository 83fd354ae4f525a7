"""Operations of the API: fault reports."""

from __future__ import annotations

from typing import Final

from handlers.fault_reports import api
from handlers.http.endpoint import post
from models.fault_reports.errors import FaultAlreadyReported, TooManyFaultReports
from models.kernel.errors import NotFound

ROUTES: Final = (
    post(
        "/seats/{id}/faults",
        api.report_fault,
        "Say that something is broken at a seat",
        status=201,
        errors=(NotFound, FaultAlreadyReported, TooManyFaultReports),
    ),
)
