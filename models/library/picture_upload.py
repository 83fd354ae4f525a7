from __future__ import annotations

from typing import Final

from models.library.plan_picture import PictureFile

_LONGEST_PHOTO: Final = 960


def picture_in(sent: bytes) -> PictureFile:
    """Decodes an uploaded picture and returns it as it will be stored. Run it ``confined``,
    since the file is not trusted. Raises: Malformed."""
    # Imported here: 3 MB, which workers do not need.
    from models.library.picture_reading import read_picture

    return read_picture(sent)


def photo_in(sent: bytes) -> PictureFile:
    """Decodes an uploaded photo into a small JPEG for readers; otherwise as ``picture_in``."""
    from models.library.picture_reading import read_picture

    return read_picture(sent, _LONGEST_PHOTO, "JPEG")
