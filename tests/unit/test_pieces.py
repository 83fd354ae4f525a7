"""Pages of any size are whole again when a browser unpacks them."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st

from handlers.http.pieces import Piece, gzipped

LENGTHS = st.integers(0, 600) | st.sampled_from([2047, 2048, 8191, 8192, 32_768, 70_000])


@given(LENGTHS, LENGTHS, LENGTHS, st.binary(min_size=1, max_size=300))
def test_a_page_is_one_gzip_stream(before: int, piece: int, after: int, content: bytes) -> None:
    text = (content * 70_001)[: max(before, after)]
    assert gzip.decompress(gzipped(text[:before])) == text[:before]
    shared = Piece(("座位 <a>" * piece)[:piece])
    page = gzipped(text[:before], shared, text[-after:])
    assert gzip.decompress(page) == text[:before] + shared.content + text[-after:]
