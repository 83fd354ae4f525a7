"""Permitted webhook addresses, by the address connected to, and the times of retries."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest

from models.kernel.errors import Malformed
from models.kernel.ids import ReaderId
from models.webhooks import rules
from models.webhooks.rules import GIVE_UP_AFTER, Network, check_url, is_public, may_connect
from notify.webhooks.client import retry_after
from notify.webhooks.payload import reader_name
from notify.webhooks.signing import signed_headers

NOW = datetime(2026, 9, 7, tzinfo=UTC)
CAMPUS: list[Network] = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]
PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1"),
    *("127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    *(
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.0.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
    ),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::"),
    *("::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1"),
    "64:ff9b:1:a00:0:100:808:808",  # by a /48 of one's own it is 10.0.0.1
    *(
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "3fff:fff::1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "fc00::1",
        "fd00::1",
    ),
    *("fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff05::1"),
]
PUBLIC = [
    *("1.1.1.1", "93.184.216.34", "202.112.0.1", "2001:da8::1", "2606:4700::1111"),
    "::ffff:1.1.1.1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_no_private_address_is_public(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    assert not may_connect(address, 443, [], secure=True)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_reached_by_tls_on_permitted_ports_only(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert is_public(address)
    ports = {p: may_connect(address, p, CAMPUS, secure=True) for p in (22, 25, 80, 443, 993, 8443)}
    assert ports == {22: False, 25: False, 80: False, 443: True, 993: False, 8443: True}
    assert not may_connect(address, 443, CAMPUS, secure=False)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::a01:203", True),
        ("fd12::1", True),
        ("192.168.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
    ],
)
def test_networks_allowed_by_the_operator_are_reached_on_any_port(text: str, allowed: bool) -> None:
    for secure in (True, False):
        assert may_connect(ipaddress.ip_address(text), 25, CAMPUS, secure=secure) is allowed


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://a.example/hook?x=1", ""),
        ("https://a.example:8443/hook", ""),
        ("https://[2606:4700::1111]/hook", ""),
        ("http://a.example/", "webhook_url_https"),
        ("https://a.example:25/", "webhook_url_port"),
        ("https://a:b@a.example/", "webhook_url_user"),
        ("https://10.0.0.1/", "webhook_url_private"),
        ("https://[::1]/", "webhook_url_private"),
        ("http://93.184.216.34/", "webhook_url_https"),
        ("https://a.example/#x", "webhook_url"),
        ("https://a.example:99999/", "webhook_url"),
        ("ftp://a.example/x", "webhook_url"),
        ("https://", "webhook_url"),
        ("https://a.example:x/", "webhook_url"),
        ("https://[1/", "webhook_url"),
        ("https://例.example/", "webhook_url"),
        ("https://a.example/ x", "webhook_url"),
        ("javascript:alert(1)", "webhook_url"),
        ("", "webhook_url"),
        ("https://a.example/" + "x" * 500, "webhook_url"),
    ],
)
def test_an_endpoint_url_is_checked_when_it_is_entered(url: str, reason: str) -> None:
    if not reason:
        assert check_url(url, []) == url
        return
    with pytest.raises(Malformed) as refused:
        check_url(url, [])
    assert refused.value.details["reason"] == reason


def test_a_delivery_is_tried_for_a_day_and_not_longer() -> None:
    end, now, times = NOW + GIVE_UP_AFTER, NOW, list[datetime]()
    while (due := rules.next_attempt(len(times) + 1, 0, 1.0, now, end)) is not None:
        times.append(due)
        now = due
    waits = [round((b - a).total_seconds()) for a, b in zip([NOW, *times], times, strict=False)]
    assert waits[:8] == [5, 15, 45, 135, 405, 1215, 3600, 3600]
    assert times[-1] == end and 25 < len(times) < 35


@pytest.mark.parametrize(
    ("asked", "jitter", "waits"),
    [(0.0, 0.8, 4.0), (0.0, 1.2, 6.0), (60.0, 1.0, 60.0), (1e9, 1.0, 3600.0), (1.0, 1.0, 5.0)],
)
def test_a_receiver_may_ask_to_wait_within_bounds(
    asked: float, jitter: float, waits: float
) -> None:
    due = rules.next_attempt(1, asked, jitter, NOW, NOW + GIVE_UP_AFTER)
    assert due == NOW + timedelta(seconds=waits)


def test_an_endpoint_is_paused_after_repeated_failures() -> None:
    pauses = [rules.pause_until(failures, 0, 1.0, NOW) for failures in (4, 5, 6, 60)]
    assert pauses[0] is None
    assert [p and (p - NOW).total_seconds() for p in pauses[1:]] == [5, 10, 300]
    assert rules.pause_until(1, 600, 1.0, NOW) == NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("Mon, 07 Sep 2026 00:01:00 GMT", 60),
        ("Mon, 07 Sep 2025 00:01:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 0),
    ],
)
def test_retry_after_is_read_as_seconds_and_as_a_date(text: str, seconds: float) -> None:
    assert retry_after(text, NOW) == seconds


def test_a_signature_equals_the_standards_example() -> None:
    """The example is that of the specification (standard-webhooks/spec)."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_readers_pseudonym_differs_between_endpoints() -> None:
    one, other = ReaderId("6b0983a3a0e7aa9d468ae133"), ReaderId("6b0983a3a0e7aa9d468ae134")
    names = {reader_name(id, key) for id in (one, other) for key in (b"a" * 32, b"b" * 32)}
    assert len(names) == 4 and reader_name(one, b"a" * 32) in names
