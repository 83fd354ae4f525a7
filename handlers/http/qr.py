from __future__ import annotations

import io

import segno


def svg(payload: str, mask: int | None = None) -> str:
    """The text as a QR code: an SVG of about 3 KB that scales to its box. Its error correction
    (level M) keeps it readable through glare. ``mask``: the QR mask; None tries all masks and
    takes the best, which takes four fifths of the time."""
    out = io.BytesIO()
    segno.make(payload, error="m", micro=False, mask=mask).save(
        out, kind="svg", omitsize=True, xmldecl=False, svgclass=None, lineclass=None, border=4
    )
    return out.getvalue().decode()
