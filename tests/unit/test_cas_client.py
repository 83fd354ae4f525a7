"""The CAS client: parsing a server's answers, and refusing invalid ones."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from bind.providers.cas_client import MAX_ANSWER_BYTES, CasClient
from bind.providers.cas_xml import (
    CAS,
    MAX_LOGOUT_CHARS,
    AttributeNames,
    CasUnavailable,
    TicketInvalid,
    parse_logout,
    read_answer,
)
from models.kernel.errors import Malformed, Unauthenticated, Unavailable
from tests.unit.cas_answers import (
    BOTH,
    ELEMENTS,
    SERVICE,
    TICKET,
    WRAPPED,
    answer,
    success,
    written,
)

PAIRS = (
    '<cas:attribute name="cn" value="王雨桐"/><cas:attribute name="ou">信息学部</cas:attribute>'
    '<cas:attribute name="ou" value="计算机 &lt;学院&gt;"/>'
)


@pytest.mark.parametrize(
    ("beside", "attributes"),
    [
        ("", {}),
        ("<cas:attributes/>", {}),
        (WRAPPED.format(ELEMENTS), BOTH),
        (WRAPPED.format(PAIRS), BOTH),
        (ELEMENTS, BOTH),
        (PAIRS, BOTH),
        (WRAPPED.format("<cn xmlns=''>王雨桐</cn>"), {"cn": ("王雨桐",)}),
        (WRAPPED.format("<cas:cn/><cas:mail> </cas:mail>"), {}),
        # An attribute may be called "user", and is not the account.
        (WRAPPED.format("<cas:user>root</cas:user>"), {"user": ("root",)}),
        (
            "<cas:proxyGrantingTicket>PGTIOU-1</cas:proxyGrantingTicket>"
            "<cas:proxies><cas:proxy>https://p</cas:proxy></cas:proxies>",
            {},
        ),
    ],
)
def test_every_notation_of_attributes_is_read_alike(
    beside: str, attributes: Mapping[str, tuple[str, ...]]
) -> None:
    user = read_answer(success(beside), AttributeNames())
    assert (user.user, user.attributes) == ("21070001", attributes)


def test_attributes_are_read_under_their_configured_names() -> None:
    released = success(
        WRAPPED.format(
            "<cas:xh>S202100012</cas:xh><cas:xm>王雨桐</cas:xm><cas:lb>研究生</cas:lb>"
            "<cas:g>a</cas:g><cas:g>b</cas:g>"
        ),
        user=" wang.yutong ",
    )
    names = AttributeNames(account="xh", name="xm", kind="lb", groups="g")
    user = read_answer(released, names)
    assert (user.user, user.name, user.kind, user.groups) == (
        "S202100012",
        "王雨桐",
        "研究生",
        ("a", "b"),
    )
    user = read_answer(released, AttributeNames())
    assert (user.user, user.name, user.kind, user.groups) == ("wang.yutong", "", "", ())
    with pytest.raises(CasUnavailable):
        read_answer(released, AttributeNames(account="missing"))


@pytest.mark.parametrize(
    ("code", "cas_code"),
    [
        ("INVALID_TICKET", "INVALID_TICKET"),
        ("INVALID_SERVICE", "INVALID_SERVICE"),
        ("INVALID_REQUEST", "INVALID_REQUEST"),
        ("INVALID_TICKET_SPEC", "INVALID_TICKET_SPEC"),
        ("", "UNSPECIFIED"),
        ("no such &lt;b&gt;code", "UNSPECIFIED"),
    ],
)
def test_a_refusal_keeps_its_code(code: str, cas_code: str) -> None:
    refused = answer(f'<cas:authenticationFailure code="{code}">No.</cas:authenticationFailure>')
    with pytest.raises(TicketInvalid) as error:
        read_answer(refused, AttributeNames())
    assert isinstance(error.value, Unauthenticated)
    assert (error.value.code, error.value.details) == ("ticket_invalid", {"cas_code": cas_code})


LAUGHS = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
BOMBS = {
    "laughs": f'<!DOCTYPE x [<!ENTITY e0 "ha">{LAUGHS}]>',
    "file": '<!DOCTYPE x [<!ENTITY e9 SYSTEM "file:///etc/hostname">]>',
    "url": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY e9 "x">]>',
}
NOT_CAS = {
    "empty": b"",
    "html": b"<!doctype html><html><body>login</body></html>",
    "json": b'{"serviceResponse": {}}',
    "no namespace": b"<serviceResponse><authenticationSuccess/></serviceResponse>",
    "other root": b"<cas:x xmlns:cas='http://www.yale.edu/tp/cas'/>",
    "nothing inside": answer(""),
    "neither": answer("<cas:proxySuccess><cas:user>1</cas:user></cas:proxySuccess>"),
    "both": answer("<cas:authenticationSuccess/><cas:authenticationFailure/>"),
    "no user": answer("<cas:authenticationSuccess/>"),
    "blank user": success("", user="  "),
    "cut off": success("")[:-3],
    "unknown encoding": b"<?xml version='1.0' encoding='klingon'?><x/>",
    "multi-byte encoding": b"<?xml version='1.0' encoding='gbk'?><x/>",
    "cut off in GBK": b"<?xml version='1.0' encoding='gbk'?>"
    + success("", user="\u5f20").replace("\u5f20".encode(), b"\xd5"),
    "a name of two parts": success("", user="a<b/>c"),
    "two users": success("<cas:user>21070002</cas:user>"),
    "an attribute that is called user": answer(
        "<cas:authenticationSuccess><cas:attributes><cas:user>1</cas:user></cas:attributes>"
        "</cas:authenticationSuccess>"
    ),
    "two wrappers": answer(
        "<cas:authenticationSuccess><cas:a><cas:user>1</cas:user></cas:a><cas:b/>"
        "</cas:authenticationSuccess>"
    ),
    "wrapped twice": answer(
        "<cas:authenticationSuccess><cas:a><cas:b><cas:user>1</cas:user></cas:b></cas:a>"
        "</cas:authenticationSuccess>"
    ),
    "deep": b"<a>" * (MAX_ANSWER_BYTES // 3),
    "internal error": answer('<cas:authenticationFailure code="INTERNAL_ERROR"/>'),
    **{name: dtd.encode() + success("", user="&e9;") for name, dtd in BOMBS.items()},
}


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (written("gbk", "GBK"), ""),
        (written("gbk", "gb2312"), "utf-8"),
        (written("gb18030", "GB18030"), ""),
        (written("gbk", ""), "GBK"),  # said by the header only
        (written("gbk", "", before="\n"), "gb2312"),
        (written("utf-8", "UTF-8", before="\r\n\t "), ""),
        (written("utf-8", "UTF-8", before="\ufeff\n"), "gbk"),
        (written("gbk", "GBK", before="\n\n"), ""),
        (written("utf-8", "", before="  "), "iso-8859-1"),
        (written("utf-16", "UTF-16"), ""),
        (
            answer(
                "<cas:authenticationSuccess><cas:utilisateur>"
                f"<cas:user>21070001</cas:user>{ELEMENTS}"
                "</cas:utilisateur></cas:authenticationSuccess>"
            ),
            "",
        ),
    ],
)
def test_answers_in_gbk_after_blanks_or_nested_are_read(text: bytes, charset: str) -> None:
    user = read_answer(text, AttributeNames(), charset)
    assert (user.user, user.name, user.attributes) == ("21070001", "王雨桐", BOTH)


@pytest.mark.parametrize(
    ("text", "root", "encoding"),
    [
        (b"<html><body>login</body></html>", "html", "gbk"),
        (b"<?xml version='1.0' encoding='Big5'?>" + success(""), "not XML", "big5"),
        (written("gbk", "").replace(b"Success", b""), f"{CAS}serviceResponse", "gbk"),
    ],
)
def test_an_unknown_answer_is_logged_with_its_root_and_encoding(
    caplog: pytest.LogCaptureFixture, text: bytes, root: str, encoding: str
) -> None:
    with pytest.raises(CasUnavailable):
        read_answer(text, AttributeNames(), "GBK")
    (said,) = caplog.records
    assert said.getMessage() == "cas_answer_not_understood"
    assert (vars(said)["root"], vars(said)["encoding"]) == (root, encoding)


@pytest.mark.parametrize("text", NOT_CAS.values(), ids=NOT_CAS.keys())
def test_an_invalid_answer_is_reported_as_cas_unavailable(text: bytes) -> None:
    with pytest.raises(CasUnavailable) as error:
        read_answer(text, AttributeNames())
    assert isinstance(error.value, Unavailable)
    assert error.value.code == "cas_unavailable"


LOGOUT = (
    '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="1" Version="2.0">'
    "<saml:NameID>@NOT_USED@</saml:NameID>{}</samlp:LogoutRequest>"
)
INDEX = "<samlp:SessionIndex>{}</samlp:SessionIndex>"


@pytest.mark.parametrize(
    "prolog",
    ["", "<?xml version='1.0' encoding='UTF-8'?>\n", "\r\n <?xml version='1.0' encoding='GBK'?>"],
)
def test_a_logout_names_its_ticket(prolog: str) -> None:
    assert parse_logout(prolog + LOGOUT.format(INDEX.format(f"\n {TICKET}\n"))) == TICKET


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not_a_logout_request"),
        ("logout, please", "not_a_logout_request"),
        ("\ud800", "not_a_logout_request"),
        (
            "<LogoutRequest><SessionIndex>ST-1</SessionIndex></LogoutRequest>",
            "not_a_logout_request",
        ),
        (BOMBS["laughs"] + LOGOUT.format(INDEX.format("&e9;")), "not_a_logout_request"),
        (BOMBS["file"] + LOGOUT.format(INDEX.format("&e9;")), "not_a_logout_request"),
        (LOGOUT.format(""), "session_index"),
        (LOGOUT.format(INDEX.format("")), "session_index"),
        (LOGOUT.format(INDEX.format("ST-1<b/>2")), "session_index"),
        (LOGOUT.format(INDEX.format("two words")), "session_index"),
        (LOGOUT.format(INDEX.format("x" * 257)), "session_index"),
        (LOGOUT.format(INDEX.format("ST-1") + INDEX.format("ST-2")), "session_index"),
        (LOGOUT.format(" " * MAX_LOGOUT_CHARS), "too_long"),
    ],
)
def test_an_invalid_logout_request_is_malformed(text: str, reason: str) -> None:
    with pytest.raises(Malformed) as error:
        parse_logout(text)
    assert error.value.details == {"field": "logoutRequest", "reason": reason}


def test_urls_carry_the_configured_service() -> None:
    cas = CasClient("https://cas.example.edu/cas/", SERVICE)

    def query(url: str) -> dict[str, list[str]]:
        return parse_qs(urlsplit(url).query, strict_parsing=True)

    assert cas.login_url().startswith("https://cas.example.edu/cas/login?")
    assert query(cas.login_url()) == {"service": [SERVICE]}
    assert query(cas.login_url(renew=True)) == {"service": [SERVICE], "renew": ["true"]}
    assert query(cas.login_url(gateway=True)) == {"service": [SERVICE], "gateway": ["true"]}
    assert cas.logout_url() == "https://cas.example.edu/cas/logout"
    assert query(cas.logout_url("https://seats.example.edu/")) == {
        "service": ["https://seats.example.edu/"]
    }
    with pytest.raises(ValueError, match="exclude"):
        cas.login_url(renew=True, gateway=True)
