"""Decodes an uploaded picture and encodes it again, so that nothing else of the file is stored.
Imported only when a picture is read: Pillow takes 3 MB of memory."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from models.kernel.errors import Malformed
from models.library.plan_picture import (
    LONGEST_SIDE,
    MOST_BYTES,
    MOST_PIXELS,
    MOST_SENT,
    PictureFile,
)

_FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
_QUALITIES: Final = (85, 60, 35)
"""The qualities of a JPEG, of which the first is taken that needs at most ``MOST_BYTES``."""


def read_picture(sent: bytes, longest: int = LONGEST_SIDE, format: str = "") -> PictureFile:
    """Decodes the uploaded picture and returns it as it will be stored: upright, scaled down to
    ``longest`` pixels a side, without metadata, with white instead of transparency. ``format``:
    PNG or JPEG; as it was sent if empty. Takes up to some seconds of CPU time. Raises: Malformed
    if the file is too large or is no picture."""
    if len(sent) > MOST_SENT:
        raise Malformed("file", "picture_too_large", most=MOST_SENT // 2**20)
    try:
        with Image.open(BytesIO(sent), formats=tuple(_FORMATS)) as image:
            # The header has the size, so this is checked before pixels are decoded.
            if image.width * image.height > MOST_PIXELS:
                raise _too_many_pixels()
            return _written(_flat(image, longest), format or str(image.format))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    # Pillow raises these for damaged and for malicious files.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Malformed("file", "not_a_picture") from error


def _too_many_pixels() -> Malformed:
    return Malformed("file", "picture_too_many_pixels", most=MOST_PIXELS // 10_000)


def _flat(image: Image.Image, longest: int) -> Image.Image:
    """The picture's pixels in RGB, upright, scaled to at most ``longest``."""
    image.draft("RGB", (longest, longest))  # a large JPEG is decoded at reduced size
    upright = ImageOps.exif_transpose(image)
    # Converted before scaling: with a palette, thin lines would break.
    pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    pixels.thumbnail((longest, longest))
    if pixels.mode == "RGB":
        return pixels
    white = Image.new("RGB", pixels.size, "white")
    white.paste(pixels, mask=pixels.getchannel("A"))
    return white


def _written(image: Image.Image, format: str) -> PictureFile:
    """Encodes the picture: as PNG for sharp drawings, as JPEG if that exceeds ``MOST_BYTES``."""
    image.info.clear()
    content = _encoded(image, format, _QUALITIES[0])
    for quality in _QUALITIES:
        if len(content) <= MOST_BYTES:
            break
        format, content = "JPEG", _encoded(image, "JPEG", quality)
    digest = hashlib.sha256(content).hexdigest()[:16]
    return PictureFile(content, _FORMATS[format], image.width, image.height, digest)


def _encoded(image: Image.Image, format: str, quality: int) -> bytes:
    file = BytesIO()
    image.save(file, format, quality=quality)
    return file.getvalue()
