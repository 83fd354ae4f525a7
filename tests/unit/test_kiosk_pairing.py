"""The check word beside a screen's pairing code, and the network of a screen's address."""

from __future__ import annotations

import pytest

from handlers.http.authentication import network_of
from handlers.texts.check_words import CHECK_WORD_TEXT
from models.kiosks.entities import CHECK_WORDS


def test_all_check_words_differ() -> None:
    assert len(set(CHECK_WORD_TEXT)) == len(CHECK_WORD_TEXT) == CHECK_WORDS


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
