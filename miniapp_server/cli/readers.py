from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from handlers.http.keys import REFERENCE, SESSIONS
from miniapp_server.cli.application import application, csv_rows
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.keys import RESOURCES
from miniapp_server.terminal import can_ask, confirmed, progress
from miniapp_server.wiring import ERASURE
from models.kernel.errors import Busy
from models.readers.entities import FOREVER, Reader, is_card_number, normalise_student_no
from models.readers.personal_data_repository import (
    ANONYMISED_COLLECTIONS,
    PERSONAL_COLLECTIONS,
    export,
)
from models.reservations.errors import Suspended


async def _reader(app: web.Application, student_no: str) -> Reader:
    """The reader with this student number. Raises: CommandError if there is none."""
    number = normalise_student_no(student_no)
    readers = app[RESOURCES].repositories.readers
    reader_id = (await readers.by_numbers([number])).get(number) if number else None
    reader = await readers.get(reader_id) if reader_id else None
    if reader is None:
        raise CommandError("there is no such reader")
    return reader


async def export_reader(env: Env, student_no: str) -> None:
    """Print all stored data of a reader as JSON. Raises: CommandError."""
    async with application(env) as app:
        reader = await _reader(app, student_no)
        data = await export(app[RESOURCES].db, app[RESOURCES].settings.sealer, reader.id)
    print(json.dumps(data, ensure_ascii=False, indent=1, default=str))


async def _confirm_erasure(app: web.Application, reader: Reader) -> None:
    """Print the reader and what would be erased, and ask. Raises: CommandError unless confirmed."""
    data = await export(app[RESOURCES].db, app[RESOURCES].settings.sealer, reader.id)
    there = {name: len(rows) for name, rows in data.items() if rows and name != "reader"}
    stays = [f"{name} {there[name]}" for name in ANONYMISED_COLLECTIONS if name in there]
    goes = [f"{name} {n}" for name, n in there.items() if name in PERSONAL_COLLECTIONS]
    print(f"{reader.name_masked} {reader.student_no_masked}", file=sys.stderr)
    print(f"  deleted: name and number; {', '.join(goes) or 'nothing else'}", file=sys.stderr)
    print(f"  kept without a name: {', '.join(stays) or 'nothing'}", file=sys.stderr)
    if not confirmed("Erase this reader? It cannot be undone."):
        raise CommandError("nothing has been erased")


async def erase_reader(env: Env, student_no: str, unasked: bool) -> None:
    """Erase a reader, after a confirmation unless ``unasked``. Raises: CommandError."""
    if not (unasked or can_ask()):
        raise CommandError("there is no terminal to confirm on: --yes erases without confirmation")
    async with application(env) as app:
        reader = await _reader(app, student_no)
        if not unasked:
            await _confirm_erasure(app, reader)
        try:
            counts = await app[ERASURE].erase(reader, app[RESOURCES].clock.now())
        except Suspended as error:
            assert reader.suspended_until is not None
            if reader.suspended_until == FOREVER:
                raise CommandError(
                    "the reader is suspended without an end: lift the suspension first"
                ) from error
            until = f"{app[REFERENCE].zone.local(reader.suspended_until):%Y-%m-%d %H:%M}"
            raise CommandError(
                f"the reader is suspended until {until}: erase them after that"
            ) from error
        except Busy as error:
            raise CommandError("the reader is making a request: try again in a minute") from error
    for name, count in counts.items():
        if count:
            print(f"{name}: {count}")
    print("erased; earlier backups still contain the reader")


async def reset_second_factor(env: Env, student_no: str) -> None:
    """Delete a staff member's second factor and end their sessions. Raises: CommandError."""
    async with application(env) as app:
        reader = await _reader(app, student_no)
        if not await app[RESOURCES].repositories.second_factors.remove(reader.id):
            raise CommandError("this reader has no second factor")
        await app[SESSIONS].close_of_reader(reader.id)
    print("deleted; the staff member sets up a new one at the next sign-in")


async def card_import(env: Env, file: Path) -> None:
    """Store which reader each card in the file belongs to. Creates readers that are missing.
    Raises: CommandError if the file is unreadable."""
    rows, imported = csv_rows(file, {"card_no", "student_no", "name"}), 0
    async with application(env) as app, AsyncExitStack() as waiting:
        report = waiting.enter_context(progress("card-import", "cards"))
        stored = app[RESOURCES].repositories
        for line, row in enumerate(rows, start=2):
            report(1, len(rows))
            card, number = (row["card_no"] or "").strip(), row["student_no"] or ""
            number = normalise_student_no(number)
            if not is_card_number(card) or not number:
                print(f"line {line}: card_no or student_no is malformed", file=sys.stderr)
                continue
            reader_ids = await stored.readers.by_numbers([number])
            reader_id = reader_ids.get(number)
            if reader_id is None:
                name = (row["name"] or "").strip()
                reader = await stored.readers.upsert_from_login(
                    number, name, "student", app[RESOURCES].clock.now()
                )
                reader_id = reader.id
            await stored.cards.put(card, reader_id)
            imported += 1
    print(f"cards: {imported}, rejected: {len(rows) - imported}")
