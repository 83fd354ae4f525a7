"""The picture of a floor that somebody sends, for callers who seldom read one."""

from __future__ import annotations

from models.library.plan_picture import PictureFile


def picture_in(sent: bytes) -> PictureFile:
    """The picture in a file that somebody has sent, which is read ``confined``. Raises:
    Malformed."""
    # Here and not above: 3 MB of every worker, in which no picture is read.
    from models.library.picture_reading import read_picture

    return read_picture(sent)
