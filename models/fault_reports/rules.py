from __future__ import annotations

from models.fault_reports.entities import LONGEST_FAULT_TEXT, FaultKind
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line


def check_fault_text(kind: FaultKind, text: str) -> None:
    """Checks a text. Raises: Malformed if too long, not printable, or missing for ``OTHER``."""
    if kind is FaultKind.OTHER and not text:
        raise Malformed("text", "text_missing")
    if len(text) > LONGEST_FAULT_TEXT:
        raise Malformed("text", "text_too_long", most=LONGEST_FAULT_TEXT, length=len(text))
    if text and not is_printable_line(text):
        raise Malformed("text", "text_not_printable")
