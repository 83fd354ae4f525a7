"""Reads the answers of a CAS server."""

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
# The parser knows none of them; the last holds all that the others do.
CHINESE = frozenset({"gb2312", "gbk", "gb18030"})
BEFORE_XML = " \t\r\n\ufeff"
NOT_ATTRIBUTES = frozenset(
    f"{CAS}{name}" for name in ("attributes", "user", "proxyGrantingTicket", "proxies")
)


class TicketInvalid(Unauthenticated):
    """The ticket is unknown, used, late or for another service. Details: ``cas_code`` (2.5.3)."""

    code = "ticket_invalid"

    def __init__(self, cas_code: str) -> None:
        super().__init__(cas_code=cas_code)


class CasUnavailable(Unavailable):
    """The campus sign-on gives no usable answer. Details: ``reason``, one static word."""

    code = "cas_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(retry_after=5, reason=reason)


@dataclass(frozen=True, slots=True)
class AttributeNames:
    """What this campus calls its attributes; an empty name stands for "not released".

    ``account`` names the attribute that holds the student number where ``cas:user`` does not.
    """

    account: str = ""
    name: str = "cn"
    kind: str = "userType"
    groups: str = "memberOf"


@dataclass(frozen=True, slots=True)
class CasUser:
    """Whom the ticket names: ``user`` as the server writes it, trimmed, and what it released."""

    user: str
    attributes: Mapping[str, tuple[str, ...]]
    name: str = ""
    kind: str = ""
    groups: tuple[str, ...] = ()


def read_answer(answer: bytes, names: AttributeNames, charset: str = "") -> CasUser:
    """Whom a serviceResponse (2.5.2, appendix A) names.

    Attributes may be wrapped in ``cas:attributes`` or stand beside ``cas:user``, as
    ``<cas:cn>v</cas:cn>`` or as ``<cas:attribute name="cn" value="v"/>``; all three are in use.
    So is one element of another name around the user and the attributes.

    Args:
        answer: as it was sent: UTF-8, UTF-16, or what it declares, GBK and its kin included.
        names: the campus's names for attributes.
        charset: what the answer's header says, for an answer that declares nothing.

    Raises:
        TicketInvalid: it is an authenticationFailure.
        CasUnavailable: it is nothing that the protocol knows (and is logged), or INTERNAL_ERROR.
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
    """Raises: TicketInvalid, CasUnavailable."""
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
    """The ticket whose session a single-logout message (2.3.3) ends.

    Raises:
        Malformed: not such a message; field ``logoutRequest``.
    """
    if len(logout_request) > MAX_LOGOUT_CHARS:
        raise Malformed(field="logoutRequest", reason="too_long")
    root = _parse(logout_request.lstrip(BEFORE_XML))
    if root is None or root.tag != f"{SAMLP}LogoutRequest":
        raise Malformed(field="logoutRequest", reason="not_a_logout_request")
    found = [_value(element) for element in root.findall(f"{SAMLP}SessionIndex")]
    if len(found) != 1 or not TICKET.fullmatch(found[0]):
        raise Malformed(field="logoutRequest", reason="session_index")
    return found[0]


def _encoding(answer: bytes, charset: str) -> str:
    """What the answer says that it is written in; empty where it says nothing."""
    declared = DECLARED.match(answer.lstrip(BEFORE_XML.encode()))
    return declared[1].decode().lower() if declared else charset.lower()


def _text(answer: bytes, encoding: str) -> str | bytes:
    """The answer without what stands before its declaration, decoded where the parser cannot."""
    answer = answer.lstrip(BEFORE_XML.encode())
    try:
        if codecs.lookup(encoding).name in CHINESE:
            return answer.decode("gb18030")
    except (LookupError, ValueError):
        pass  # the parser says no, too
    return answer


def _parse(text: str | bytes) -> Element | None:
    """The root, or None for what is not XML, has a DTD (entity bombs) or an unknown encoding."""
    try:
        root: Element = ElementTree.fromstring(text, forbid_dtd=True)
    except (ElementTree.ParseError, ValueError, LookupError):  # DefusedXmlException is a ValueError
        return None
    return root


def _attributes(success: Element) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    wrapped = [child for wrapper in success.findall(f"{CAS}attributes") for child in wrapper]
    beside = [child for child in success if child.tag not in NOT_ATTRIBUTES]
    for child in (*wrapped, *beside):
        name, value = child.tag.rpartition("}")[2], _value(child)
        if name == "attribute" and "name" in child.attrib:
            name, value = child.attrib["name"], child.get("value", value).strip()
        if value:
            found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _value(element: Element) -> str:
    """The text of an element, trimmed; empty for one that holds elements: half a name is none."""
    return "" if len(element) else (element.text or "").strip()
