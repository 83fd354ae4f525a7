from __future__ import annotations

import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from handlers.gates.parsing import parse_events
from handlers.http.keys import CLOCK, service_key
from miniapp_server.cli.application import application, csv_rows
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.terminal import progress
from models.gates.entities import GateId
from models.gates.jobs import BATCH
from models.gates.service import GateService


async def gate_import(env: Env, gate: str, file: Path) -> None:
    """Import the gate events of a file and print their counts. Raises: CommandError."""
    rows = csv_rows(file, {"id", "student_no", "direction", "method", "at"})
    async with application(env) as app, AsyncExitStack() as waiting:
        if gate not in {existing.id for existing in await app[service_key(GateService)].all()}:
            raise CommandError(f"there is no gate {gate!r}")
        counts = Counter[str]()
        report = waiting.enter_context(progress("gate-import", "events"))
        for begin in range(0, len(rows), BATCH):
            batch = rows[begin : begin + BATCH]
            report(len(batch), len(rows))
            taken = await app[service_key(GateService)].ingest_batch(
                GateId(gate), parse_events(batch), app[CLOCK].now()
            )
            counts.update(accepted=taken.accepted, duplicates=taken.duplicates)
            for place, code in taken.rejected:
                # Line 1 is the header.
                print(f"line {begin + place + 2}: {code}", file=sys.stderr)
                counts["rejected"] += 1
    names = ("accepted", "duplicates", "rejected")
    print(", ".join(f"{name}: {counts[name]}" for name in names))
