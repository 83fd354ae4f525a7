"""Backup of the whole database to one file, and restore. The file is compressed with gzip and
consists of frames, each of a letter and a BSON document: ``H``, a document about the file; for
each collection ``C`` with its name, then one ``D`` for each of its documents; ``E`` with the
count of each collection. Personal data stays encrypted: the file is useless without
ENCRYPTION_KEYS, which it does not contain. A backup that leaves the host is encrypted as a whole
besides (``models/backup/encryption.py``)."""

from __future__ import annotations

import errno
import os
import re
import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from typing import Any, Final

import bson
from bson.errors import InvalidBSON
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from models.backup.encryption import BackupFile, encrypting
from models.backup.errors import BackupError
from models.backup.filling_repository import begin_filling, collection_names, end_filling
from models.schema.indexes import ensure_indexes
from models.storage.encryption import FieldCipher
from models.storage.installation import ABOUT, About, Mode
from models.storage.mongo import CODEC, Database, Document
from models.storage.mongo_errors import translate_errors

_FORMAT: Final = 1
_HEADER, _COLLECTION, _DOCUMENT, _END = b"H", b"C", b"D", b"E"
SHORT_LIVED: Final = frozenset({"leases", "attempt_limits", "pauses", "kiosk_pairings"})
"""Collections left out of a backup: their content is outdated after a restore."""
_PART: Final = re.compile(r".+\.[0-9a-f]{8}\.part")
_RAW: Final = CODEC.with_options(document_class=RawBSONDocument)
_BATCH: Final = 1000
_LEVEL: Final = 6
_LARGEST_DOCUMENT: Final = 17 * 2**20
_WITHOUT_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
"""Errors of network folders that know no hard links."""
_HISTORY_GONE: Final = frozenset({239, 246})
"""MongoDB's error codes SnapshotTooOld and SnapshotUnavailable: the snapshot no longer exists."""


ReportProgress = Callable[[int, int], object]
"""A function called with the number of documents processed since its last call, and the total."""


def _report_nothing(_: int, __: int) -> None:
    """A ``ReportProgress`` that does nothing."""


async def backup(
    db: Database,
    file: Path,
    now: datetime,
    report_progress: ReportProgress = _report_nothing,
    recipients: Sequence[str] = (),
) -> Counter[str]:
    """Writes the database to ``file``, from one snapshot while the service runs; returns the number
    of documents of each collection. The file is readable by its owner only and appears when
    complete. ``recipients``: the public keys to which it is encrypted; none leaves it plain.

    Raises: BackupError (the file exists, MongoDB's snapshot history is too short, or the encryption
    failed); OSError; Unavailable.
    """
    counts: Counter[str] = Counter()
    with _atomic_new_file(file, recipients) as out:
        about = {"format": _FORMAT, "database": db.name, "taken_at": now}
        out.write(_HEADER + bson.encode(about))
        await _write_all(db, out, counts, report_progress)
        out.write(_END + bson.encode({"counts": dict(counts)}))
    return counts


@contextmanager
def _atomic_new_file(file: Path, recipients: Sequence[str] = ()) -> Iterator[GzipFile]:
    """A new file for the block to write. The file gets its name when the block has ended and all
    data is on the disk. Raises: BackupError if the name exists; OSError."""
    if file.exists():
        raise BackupError(f"{file} already exists: name another file")
    _clear_killed(file.parent)
    part, descriptor = _new_part(file)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with (
                encrypting(raw, recipients) as sink,
                GzipFile("", "wb", _LEVEL, fileobj=sink) as out,
            ):
                yield out
            raw.flush()
            os.fsync(raw.fileno())
        try:
            os.link(part, file)  # unlike a rename, it never replaces a file
        except FileExistsError as error:
            raise BackupError(f"{file} already exists: name another file") from error
        except OSError as error:
            if error.errno not in _WITHOUT_LINKS:
                raise
            part.rename(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _new_part(file: Path) -> tuple[Path, int]:
    """A new temporary file beside ``file``, with a unique name and locked by this process: its
    path and its open descriptor. Raises: OSError."""
    while True:
        part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):  # a disk without locks: other backups leave the file alone then
            flock(descriptor, LOCK_EX)
        if part.exists():
            return part, descriptor
        os.close(descriptor)  # another backup has removed it before it was locked


def _clear_killed(folder: Path) -> None:
    """Deletes temporary files of killed backups. Files of running backups are locked and stay."""
    for part in folder.glob("*.part"):
        if _PART.fullmatch(part.name):
            with suppress(OSError):
                descriptor = os.open(part, os.O_RDWR)
                try:
                    flock(descriptor, LOCK_EX | LOCK_NB)
                    part.unlink()
                finally:
                    os.close(descriptor)


async def _write_all(
    db: Database, out: GzipFile, counts: Counter[str], report_progress: ReportProgress
) -> None:
    names = [n for n in await collection_names(db) if n not in SHORT_LIVED]
    with translate_errors():
        expected_total = sum([await db[name].estimated_document_count() for name in names])
    try:
        async with db.client.start_session(snapshot=True) as session:
            for name in names:
                out.write(_COLLECTION + bson.encode({"name": name}))
                counts[name] = 0
                collection: Any = db.get_collection(name, codec_options=_RAW)
                documents = collection.find({}, session=session)
                with translate_errors():
                    async for document in documents:
                        out.write(_DOCUMENT + document.raw)
                        counts[name] += 1
                        if counts[name] % _BATCH == 0:
                            report_progress(_BATCH, expected_total)
                report_progress(counts[name] % _BATCH, expected_total)
    except OperationFailure as error:
        if error.code in _HISTORY_GONE:
            raise BackupError(
                "MongoDB no longer keeps the snapshot that the backup reads: raise its "
                "minSnapshotHistoryWindowInSeconds and back up again"
            ) from error
        raise


async def restore(
    db: Database,
    file: Path,
    now: datetime,
    *,
    mode: Mode,
    sealer: FieldCipher,
    over: bool = False,
    identity: bytes | None = None,
    report_progress: ReportProgress = _report_nothing,
) -> Counter[str]:
    """Restores ``file`` into an empty database; returns the number of documents of each collection.
    The whole file is read before anything is written. Until the restored documents have been
    counted, a mark keeps services from opening the database.

    ``mode`` and ``sealer`` belong to the service that will open the database. ``over``: True to
    replace an interrupted restore; other contents are never replaced. ``identity``: the private
    keys for an encrypted file.

    Raises: BackupError (the file is damaged, for another key or no backup, or the database is not
    empty);
    DatabaseRefused (the file is for another mode or other keys, or the database contains an
    interrupted restore); OSError; Unavailable, after which the database is incomplete.
    """
    source = BackupFile(file, identity)
    promised = _checked(source, mode, sealer)
    again = f"restore --over {source.place}"
    if_full = "Set MONGO_DATABASE to another name, or drop this database first"
    if over:
        if_full = f"--over replaces only an interrupted restore. {if_full}"
    token = await begin_filling(db, source.place, again, now, mode, over=over, if_full=if_full)
    await ensure_indexes(db)
    for name, batch in _batches(source):
        with translate_errors():
            await db[name].insert_many(batch, ordered=False)
        report_progress(len(batch), promised.total())
    with translate_errors():
        there = Counter({name: await db[name].count_documents({}) for name in promised})
    if ABOUT in there:
        there[ABOUT] -= 1  # the mark
    if there != promised:
        raise BackupError(
            f"{db.name} has {dict(there)} documents after the restore, but the file has "
            f"{dict(promised)}: restore again with --over"
        )
    await end_filling(db, token)
    return there


def _checked(file: BackupFile, mode: Mode, sealer: FieldCipher) -> Counter[str]:
    """Reads and checks the whole backup file; returns the number of documents of each
    collection. Raises: BackupError, DatabaseRefused."""
    about = About(f"the database in {file}")
    try:
        counts = _counted(file, about)
    except (InvalidBSON, KeyError, TypeError, ValueError) as error:
        raise BackupError(f"{file} is damaged: {error}") from error
    about.refuse(mode, sealer)
    return counts


def _counted(file: BackupFile, about: About) -> Counter[str]:
    counted: Counter[str] = Counter()
    name = ""
    promised: Counter[str] | None = None
    for kind, document in _read_frames(file):
        if promised is not None:
            raise BackupError(f"{file} is damaged: data follow its end")
        if kind == _COLLECTION:
            name = _decoded(document)["name"]
            counted[name] = 0
        elif kind == _DOCUMENT:
            about.take(name, _decoded(document))
            counted[name] += 1
        elif kind == _HEADER and _decoded(document).get("format") != _FORMAT:
            raise BackupError(f"{file} has another format than this version reads")
        elif kind == _END:
            promised = Counter(_decoded(document)["counts"])
    if counted != promised:
        raise BackupError(f"{file} is damaged: its documents do not match its counts")
    return counted


def _decoded(document: bytes) -> Document:
    return bson.decode(document, CODEC)


def _batches(file: BackupFile) -> Iterator[tuple[str, list[Any]]]:
    name, batch = "", []
    for kind, document in _read_frames(file):
        if kind == _DOCUMENT:
            batch.append(RawBSONDocument(document, _RAW))
        if batch and (kind != _DOCUMENT or len(batch) == _BATCH):
            yield name, batch
            batch = []
        if kind == _COLLECTION:
            name = _decoded(document)["name"]


def _read_frames(file: BackupFile) -> Iterator[tuple[bytes, bytes]]:
    """Reads the backup file; yields the kind (a letter) and the BSON document of each frame.
    Raises: BackupError, OSError."""
    try:
        with file.opened() as content, GzipFile("", "rb", fileobj=content) as source:
            first = True
            while kind := source.read(1):
                size = source.read(4)
                length = int.from_bytes(size, "little")
                if (first and kind != _HEADER) or not 5 <= length <= _LARGEST_DOCUMENT:
                    raise BackupError(f"{file} is not a backup, or is damaged")
                first = False
                document = size + source.read(length - 4)
                if len(document) != length:
                    raise BackupError(f"{file} is damaged: it is cut short")
                yield kind, document
    except (EOFError, BadGzipFile, zlib.error, InvalidBSON) as error:
        raise BackupError(f"{file} is damaged: {error}") from error
