"""A reader asks a question."""

from __future__ import annotations

from tests.living import Client, Living


async def add_question(service: Living, reader: Client, text: str) -> str:
    now = service.clock.now()
    await service.inside.stored.feedback.add(reader.reader_id, text, text, now)
    (entry, *_), _ = await service.inside.stored.feedback.page_of(reader.reader_id, 0, 1)
    return entry.id
