from __future__ import annotations

from datetime import datetime

from models.backup.filling_repository import begin_filling, end_filling
from models.reservation_store.repository import ReservationRepository
from models.schema.indexes import ensure_indexes
from models.school_move.errors import MoveError
from models.school_move.repository import Content, ReportProgress, SourceDatabase, copy
from models.storage.installation import RESTORING, Mode, look, place_of
from models.storage.mongo import Database, ping


async def move(
    source: SourceDatabase,
    target: Database,
    now: datetime,
    mode: Mode,
    report_progress: ReportProgress,
) -> dict[str, Content]:
    """Moves the library into the empty target, and returns what is there by collection. A move that
    fails before its end opens the source again; one that is final and was interrupted is ended.

    Raises: MoveError, BackupError, DatabaseRefused (why it was refused or has failed); Unavailable.
    """
    await ping(target)
    to = place_of(target)
    if token := await source.left_with():
        if await source.moved_to() != to:
            raise MoveError(f"the library has moved to {await source.moved_to()}")
        if RESTORING in (await look(target)).documents:
            await end_filling(target, token)
        return {}
    await source.refuse_other_place()
    origin = place_of(source.db)
    if origin == to:
        raise MoveError(f"the library is at {to} already")
    # While the library is open: a target that cannot take it is no outage.
    again, if_full = "school move again", "If nobody needs it, drop it there and move again"
    token = await begin_filling(target, origin, again, now, mode, over=True, if_full=if_full)
    await ensure_indexes(target)
    try:
        await source.close(to, token, now)
        content = await copy(source, target, report_progress)
        if doubles := await ReservationRepository(target).find_double_bookings():
            raise MoveError(f"{len(doubles)} double bookings: run check-integrity")
        await source.leave(token)
    except BaseException:
        if not await source.left_with():
            await source.reopen(token)
        raise
    await end_filling(target, token)
    return content
