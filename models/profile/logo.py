"""The library's logo, converted to a small PNG."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from models.kernel.errors import Malformed

LARGEST_LOGO: Final = 256 * 1024
"""The largest logo file that can be uploaded, in bytes."""
_KINDS: Final = ("PNG", "JPEG")
_LARGEST_SIDE: Final = 4096
"""The longest side of an uploaded picture in pixels: small files can expand to gigabytes."""
_SIDE: Final = 144
"""The stored logo's longer side in pixels: a page's header needs 36, and 144 on sharp screens."""


def logo_of(sent: bytes) -> bytes:
    """Converts an uploaded picture to a PNG that contains only pixels. It may need much memory:
    run it through ``confined``. Raises: Malformed unless it is a PNG or JPEG within the limits.
    SVG is not accepted, as it could contain scripts."""
    # Imported here: it takes 3 MB, and only staff need it.
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
    output = BytesIO()
    drawn.save(output, "PNG", optimize=True)
    return output.getvalue()
