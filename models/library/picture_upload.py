from __future__ import annotations

from models.library.plan_picture import PictureFile


def picture_in(sent: bytes) -> PictureFile:
    """Decodes an uploaded picture and returns it as it will be stored. Run it ``confined``,
    since the file is not trusted. Raises: Malformed."""
    # Imported here: 3 MB, which workers do not need.
    from models.library.picture_reading import read_picture

    return read_picture(sent)
