"""Concurrent fault reports of one reader: at most the daily limit, and one of a kind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from models.fault_reports import repository
from models.fault_reports.entities import FaultKind, FaultReport
from models.fault_reports.errors import TooManyFaults
from models.fault_reports.service import FaultReportService
from tests.race.stage import SEATS, Stage, clock, guarded, unguard


async def services(stage: Stage, n: int) -> list[FaultReportService]:
    workers = [await stage.worker() for _ in range(n)]
    return [FaultReportService(w.stored.fault_reports, w.reference) for w in workers]


@guarded
async def test_concurrent_fault_reports_stop_at_the_daily_limit(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_FAULT_REPORTS_PER_DAY", 2)
    reader = await stage.reader()
    if not guard:
        await stage.drop("fault_reports", "one_of_the_day")
    results = await asyncio.gather(
        *(
            service.report(reader.id, seat, FaultKind.LAMP, "", clock(10))
            for service, seat in zip(await services(stage, 4), SEATS, strict=False)
        ),
        return_exceptions=True,
    )
    reports = [answer for answer in results if isinstance(answer, FaultReport)]
    refused = [answer for answer in results if isinstance(answer, TooManyFaults)]
    assert (len(reports), len(refused)) == ((2, 2) if guard else (4, 0))


@guarded
async def test_the_same_fault_report_is_stored_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    if not guard:
        await stage.drop("fault_reports", "open_once")
    results = await asyncio.gather(
        *(
            service.report(reader.id, SEATS[0], FaultKind.LAMP, "", clock(10))
            for service in await services(stage, 3)
        )
    )
    open_reports = await stage.inside.stored.fault_reports.open_of(reader.id)
    assert len(open_reports) == (1 if guard else 3) and all(
        answer.seat_id == SEATS[0] for answer in results
    )


@guarded
async def test_the_second_of_two_edits_of_a_note_or_canned_answer_is_refused(
    stage: Stage, guard: bool
) -> None:
    reader = await stage.reader()
    feedback, canned = stage.stored.feedback, stage.stored.canned_answers
    await feedback.add(reader.id, "k", "插座不通电", clock(8))
    await canned.add("报修", "已报修。")
    (question,), (answer,) = await feedback.waiting(1), await canned.all()
    if not guard:
        unguard(feedback)
        unguard(canned)
    notes = await asyncio.gather(*(feedback.set_note(question.id, 0, f"{n}") for n in range(4)))
    texts = [replace(answer, text=f"第{n}版", rev=answer.rev + 1) for n in range(4)]
    answers = await asyncio.gather(*(canned.replace(text) for text in texts))
    counts = (notes.count(True), answers.count(True))
    assert counts == (1, 1) if guard else min(counts) > 1, "overwritten without a word"
