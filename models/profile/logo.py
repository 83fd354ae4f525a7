"""A library's logo: whatever picture was sent, drawn anew as a small PNG of ours."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from models.kernel.errors import Malformed

LARGEST_LOGO: Final = 256 * 1024
"""Bytes of the picture that is sent."""
_KINDS: Final = ("PNG", "JPEG")
_LARGEST_SIDE: Final = 4096
"""Pixels: a small file can unfold to gigabytes."""
_SIDE: Final = 144
"""Pixels of the longer side as it is kept: a header shows 36, sharp screens four times as many."""


def logo_of(sent: bytes) -> bytes:
    """The picture as a PNG without anything but its pixels. It may take much memory: it is
    drawn ``confined``.

    Raises: Malformed for what is no PNG or JPEG of that size; an SVG can run scripts, and is
        refused.
    """
    # Here and not above: 3 MB of every worker, for what the staff do once.
    from PIL import Image, UnidentifiedImageError

    if len(sent) > LARGEST_LOGO:
        raise Malformed("logo", "logo_too_large", most=LARGEST_LOGO // 1024)
    try:
        picture = Image.open(BytesIO(sent), formats=_KINDS)
        if max(picture.size) > _LARGEST_SIDE:
            raise Malformed("logo", "logo_too_wide", most=_LARGEST_SIDE)
        drawn = picture.convert("RGBA")
    except (
        *(UnidentifiedImageError, Image.DecompressionBombError),
        *(OSError, ValueError, SyntaxError, EOFError),
    ) as error:
        raise Malformed("logo", "logo_unreadable") from error
    drawn.thumbnail((_SIDE, _SIDE))
    kept = BytesIO()
    drawn.save(kept, "PNG", optimize=True)
    return kept.getvalue()
