"""Key pairs of age, for backups that leave the host."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.tools import program


def key_pair(file: Path) -> str:
    """Writes a new private key to ``file``; returns the public key."""
    program("age")
    done = subprocess.run(
        ["age-keygen", "-o", file], check=True, capture_output=True, text=True, timeout=30
    )
    match = re.search(r"age1\w+", done.stderr)
    assert match is not None
    return match[0]
