"""Decodes an uploaded picture and encodes it again, so that nothing else of the file is stored.
Imported only when a picture is read: Pillow takes 3 MB of memory."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from models.kernel.errors import Malformed
from models.library.plan_picture import LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, PictureFile

_FORMATS: Final = {"PNG": "image/png", "JPEG": "image/jpeg"}
_QUALITY: Final = 85


def read_picture(sent: bytes) -> PictureFile:
    """Decodes the uploaded picture and returns it as it will be stored: upright, scaled down,
    without metadata, with white instead of transparency. Takes up to some seconds of CPU time.
    Raises: Malformed if the file is too large or is no picture."""
    if len(sent) > MOST_BYTES:
        raise Malformed("file", "picture_too_large", most=MOST_BYTES // 2**20)
    try:
        with Image.open(BytesIO(sent), formats=tuple(_FORMATS)) as image:
            # The header has the size, so this is checked before pixels are decoded.
            if image.width * image.height > MOST_PIXELS:
                raise _too_many_pixels()
            return _written(_flat(image), str(image.format))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    # Pillow raises these for damaged and for malicious files.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Malformed("file", "not_a_picture") from error


def _too_many_pixels() -> Malformed:
    return Malformed("file", "picture_too_many_pixels", most=MOST_PIXELS // 10_000)


def _flat(image: Image.Image) -> Image.Image:
    """The picture's pixels in RGB, upright, scaled to at most ``LONGEST_SIDE``."""
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded at reduced size
    upright = ImageOps.exif_transpose(image)
    # Converted before scaling: with a palette, thin lines would break.
    pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    pixels.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if pixels.mode == "RGB":
        return pixels
    white = Image.new("RGB", pixels.size, "white")
    white.paste(pixels, mask=pixels.getchannel("A"))
    return white


def _written(image: Image.Image, format: str) -> PictureFile:
    """Encodes the picture: as PNG for sharp drawings, as JPEG if that exceeds ``MOST_BYTES``."""
    content = _encoded(image, format)
    if len(content) > MOST_BYTES:
        format = "JPEG"
        content = _encoded(image, format)
    digest = hashlib.sha256(content).hexdigest()[:16]
    return PictureFile(content, _FORMATS[format], image.width, image.height, digest)


def _encoded(image: Image.Image, format: str) -> bytes:
    file = BytesIO()
    image.info.clear()
    image.save(file, format, quality=_QUALITY)
    return file.getvalue()
