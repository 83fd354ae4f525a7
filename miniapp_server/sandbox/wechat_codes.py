from __future__ import annotations

import io

import segno


def drawing(scene: str, width: int) -> bytes:
    """A PNG about ``width`` pixels wide, with a QR code of ``scene`` instead of WeChat's code."""
    code, out = segno.make(f"sandbox:{scene}", error="m", micro=False), io.BytesIO()
    code.save(out, kind="png", scale=max(1, width // code.symbol_size()[0]))
    return out.getvalue()
