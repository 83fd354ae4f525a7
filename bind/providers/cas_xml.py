from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from models.kernel.errors import Malformed, Unauthenticated, Unavailable

log = logging.getLogger(__name__)

TICKET = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)
CAS = "{http://www.yale.edu/tp/cas}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
MAX_LOGOUT_CHARS = 16 * 1024
CODE = re.compile(r"[A-Z_]{1,64}")
DECLARED = re.compile(rb"""<\?xml\s[^>]*?\sencoding\s*=\s*["']([\w.-]{1,40})["']""", re.ASCII)
# Encodings that the XML parser does not know. gb18030 includes the other two.
CHINESE = frozenset({"gb2312", "gbk", "gb18030"})
BEFORE_XML = " \t\r\n\ufeff"
NOT_ATTRIBUTES = frozenset(
    f"{CAS}{name}" for name in ("attributes", "user", "proxyGrantingTicket", "proxies")
)


class TicketInvalid(Unauthenticated):
    """The ticket is unknown, used, expired or issued for another service. Details: ``cas_code``,
    CAS's error code (section 2.5.3)."""

    code = "ticket_invalid"

    def __init__(self, cas_code: str) -> None:
        super().__init__(cas_code=cas_code)


class CasUnavailable(Unavailable):
    """CAS gives no usable response. Details: ``reason``, one fixed word such as ``timeout``."""

    code = "cas_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)


@dataclass(frozen=True, slots=True)
class AttributeNames:
    """Names of the CAS attributes with a person's data; empty for those that the campus does not
    release. ``account``: the attribute with the account number; empty if ``cas:user`` holds it."""

    account: str = ""
    name: str = "cn"
    kind: str = "userType"
    groups: str = "memberOf"


@dataclass(frozen=True, slots=True)
class CasUser:
    """The account that a ticket identifies. ``user``: the account number, trimmed."""

    user: str
    attributes: Mapping[str, tuple[str, ...]]
    name: str = ""
    kind: str = ""
    groups: tuple[str, ...] = ()


def read_answer(answer: bytes, names: AttributeNames, charset: str = "") -> CasUser:
    """Parses a serviceResponse (2.5.2, appendix A).

    Attributes may be wrapped in ``cas:attributes`` or stand beside ``cas:user``, as
    ``<cas:cn>v</cas:cn>`` or as ``<cas:attribute name="cn" value="v"/>``; servers use all three
    forms. Some also wrap user and attributes in one more element. ``charset``: from the response's
    header, for a body that declares no encoding.

    Raises:
        TicketInvalid: the response is an authenticationFailure.
        CasUnavailable: INTERNAL_ERROR, or not a CAS response, which is logged.
    """
    encoding = _encoding(answer, charset)
    root = _parse(_text(answer, encoding))
    try:
        return _read(root, names)
    except CasUnavailable as error:
        tag = root.tag if root is not None else "not XML"
        fields = {"reason": error.details["reason"], "root": tag[:100], "encoding": encoding}
        log.warning("cas_answer_not_understood", extra=fields)
        raise


def _read(root: Element | None, names: AttributeNames) -> CasUser:
    """Reads the outcome in the root element; None stands for a text that is not XML. Raises:
    TicketInvalid, CasUnavailable."""
    outcomes = [] if root is None or root.tag != f"{CAS}serviceResponse" else list(root)
    if len(outcomes) != 1:
        raise CasUnavailable("garbage")
    (outcome,) = outcomes
    if outcome.tag == f"{CAS}authenticationFailure":
        code = outcome.get("code", "")
        if code == "INTERNAL_ERROR":
            raise CasUnavailable("internal_error")
        raise TicketInvalid(code if CODE.fullmatch(code) else "UNSPECIFIED")
    if outcome.tag != f"{CAS}authenticationSuccess":
        raise CasUnavailable("garbage")
    if len(outcome) == 1 and outcome[0].tag not in NOT_ATTRIBUTES and len(outcome[0]):
        outcome = outcome[0]
    attributes = _attributes(outcome)
    user = ""
    if names.account:
        user = next(iter(attributes.get(names.account, ())), "")
    elif len(users := outcome.findall(f"{CAS}user")) == 1:
        user = _value(users[0])
    if not user:
        raise CasUnavailable("garbage")
    return CasUser(
        user=user,
        attributes=MappingProxyType(attributes),
        name=next(iter(attributes.get(names.name, ())), ""),
        kind=next(iter(attributes.get(names.kind, ())), ""),
        groups=attributes.get(names.groups, ()),
    )


def parse_logout(logout_request: str) -> str:
    """The ticket in a single-logout request (2.3.3). Raises: Malformed (``logoutRequest``)."""
    if len(logout_request) > MAX_LOGOUT_CHARS:
        raise Malformed(field="logoutRequest", reason="too_long")
    root = _parse(logout_request.lstrip(BEFORE_XML))
    if root is None or root.tag != f"{SAMLP}LogoutRequest":
        raise Malformed(field="logoutRequest", reason="not_a_logout_request")
    indexes = [_value(element) for element in root.findall(f"{SAMLP}SessionIndex")]
    if len(indexes) != 1 or not TICKET.fullmatch(indexes[0]):
        raise Malformed(field="logoutRequest", reason="session_index")
    return indexes[0]


def _encoding(answer: bytes, charset: str) -> str:
    """The body's encoding, in lower case: the one declared in its XML; if there is none,
    ``charset``, from the response's header. Empty if both are missing."""
    declared = DECLARED.match(answer.lstrip(BEFORE_XML.encode()))
    return declared[1].decode().lower() if declared else charset.lower()


def _text(answer: bytes, encoding: str) -> str | bytes:
    """The body for the XML parser, without leading white space and BOM. Chinese encodings are
    decoded here because the parser does not know them."""
    answer = answer.lstrip(BEFORE_XML.encode())
    try:
        if codecs.lookup(encoding).name in CHINESE:
            return answer.decode("gb18030")
    except (LookupError, ValueError):
        pass  # the parser will refuse it too
    return answer


def _parse(text: str | bytes) -> Element | None:
    """The root element; None if the text is not XML, has a DTD (which could hold an entity bomb)
    or an unknown encoding."""
    try:
        root: Element = ElementTree.fromstring(text, forbid_dtd=True)
    except (ElementTree.ParseError, ValueError, LookupError):  # DefusedXmlException is a ValueError
        return None
    return root


def _attributes(success: Element) -> dict[str, tuple[str, ...]]:
    attributes: dict[str, list[str]] = {}
    wrapped = [child for wrapper in success.findall(f"{CAS}attributes") for child in wrapper]
    beside = [child for child in success if child.tag not in NOT_ATTRIBUTES]
    for child in (*wrapped, *beside):
        name, value = child.tag.rpartition("}")[2], _value(child)
        if name == "attribute" and "name" in child.attrib:
            name, value = child.attrib["name"], child.get("value", value).strip()
        if value:
            attributes.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in attributes.items()}


def _value(element: Element) -> str:
    """The element's trimmed text; empty if child elements would make the text incomplete."""
    return "" if len(element) else (element.text or "").strip()
