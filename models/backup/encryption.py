"""Encryption of backups by the program ``age``: to public keys when they are written, with a
private key when they are read. The plain backup and the private key pass through pipes only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, Any, Final

from models.backup.errors import BackupError

_MAGIC: Final = b"age-encryption.org/"
"""How a file that age has encrypted begins."""


@contextmanager
def encrypting(out: IO[bytes], recipients: Sequence[str]) -> Iterator[IO[bytes]]:
    """A stream that is written to ``out`` encrypted to the ``recipients``, public keys of age;
    ``out`` itself if there are none. Raises: BackupError if age fails."""
    if not recipients:
        yield out
        return
    words = [word for recipient in recipients for word in ("--recipient", recipient)]
    with _age("--encrypt", *words, stdout=out) as age:
        plain: Any = age.stdin
        try:
            yield plain
            plain.close()
        except BrokenPipeError:  # age has ended, and says why
            with suppress(BrokenPipeError):
                plain.close()
        except BaseException:
            age.kill()
            raise
        _refuse_failed(age, "the backup cannot be encrypted")


def read_identity(file: Path) -> bytes:
    """The private keys in ``file``. If they are encrypted with a passphrase, age asks for it at the
    terminal. Raises: BackupError, OSError."""
    content = file.read_bytes()
    if not content.startswith((_MAGIC, b"-----BEGIN AGE")):
        return content
    with _age("--decrypt", str(file)) as age:
        keys: Any = age.stdout
        content = bytes(keys.read())
        _refuse_failed(age, f"{file} cannot be opened")
    return content


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file that may be a backup. ``identity``: the private keys for an encrypted one."""

    path: Path
    identity: bytes | None = None

    def __str__(self) -> str:
        return str(self.path)

    @property
    def place(self) -> str:
        """The file's whole path."""
        return str(self.path.resolve())

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The plain, compressed content. Raises: BackupError for a file that age refuses or that
        has no key; OSError."""
        with self.path.open("rb") as file:
            encrypted = file.read(len(_MAGIC)) == _MAGIC
            file.seek(0)
            if not encrypted:
                yield file
                return
        if self.identity is None:
            raise BackupError(f"{self} is encrypted: name the file of its key with --identity")
        with _age("--decrypt", "--identity", "-", str(self.path)) as age:
            keys: Any = age.stdin
            with suppress(BrokenPipeError):  # age has ended, and says why
                keys.write(self.identity)
                keys.close()
            content: Any = age.stdout
            try:
                yield content
            except (EOFError, BadGzipFile, zlib.error):
                content.close()
                _refuse_failed(age, f"{self} is damaged or for another key")
                raise
            except BaseException:
                age.kill()
                raise
            _refuse_failed(age, f"{self} is damaged or for another key")


def _age(*words: str, stdout: IO[bytes] | int = PIPE) -> Popen[bytes]:
    """The program, started. Raises: BackupError if it is not installed."""
    try:
        return Popen(["age", *words], stdin=PIPE, stdout=stdout, stderr=PIPE)
    except FileNotFoundError as error:
        raise BackupError("age is not installed (Debian: apt-get install age)") from error


def _refuse_failed(age: Popen[bytes], what: str) -> None:
    """Waits for the end of age. Raises: BackupError with its first line if it has failed by
    itself."""
    if age.wait() > 0:
        errors: Any = age.stderr
        line = errors.read().decode(errors="replace").partition("\n")[0]
        raise BackupError(f"{what}: {line.removeprefix('age: error: ')}")
