"""The picture of a floor that somebody has sent: read, made smaller where it is large, and written
anew, so that nothing of the file is kept.

Pillow is 3 MB of a process: who needs this module imports it then, a few times a year.
"""

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
    """The picture in a file that somebody has sent, written anew: upright, without what cameras and
    editors have added, on white where it was transparent. Takes seconds of a processor at most.

    Raises: Malformed.
    """
    if len(sent) > MOST_BYTES:
        raise Malformed("file", "picture_too_large", most=MOST_BYTES // 2**20)
    try:
        with Image.open(BytesIO(sent), formats=tuple(_FORMATS)) as image:
            # Before a pixel is read: the size stands in the file's head.
            if image.width * image.height > MOST_PIXELS:
                raise _too_many_pixels()
            return _written(_flat(image), str(image.format))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    # What Pillow raises for files that are damaged, or made to damage.
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Malformed("file", "not_a_picture") from error


def _too_many_pixels() -> Malformed:
    return Malformed("file", "picture_too_many_pixels", most=MOST_PIXELS // 10_000)


def _flat(image: Image.Image) -> Image.Image:
    """The picture's pixels and nothing else, in three colours and of a size to work with."""
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is not even read in full
    upright = ImageOps.exif_transpose(image)
    # Before it is made smaller: lines of a few colours would break.
    seen = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    seen.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if seen.mode == "RGB":
        return seen
    white = Image.new("RGB", seen.size, "white")
    white.paste(seen, mask=seen.getchannel("A"))
    return white


def _written(image: Image.Image, format: str) -> PictureFile:
    """A drawing stays PNG, which keeps its lines sharp, unless it is a photograph by its size."""
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
