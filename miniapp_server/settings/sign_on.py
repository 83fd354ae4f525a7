"""Settings of the sign-on (CAS, OpenID providers, the campus's app) and of staff roles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from bind.providers.oidc import OidcSettings
from bind.providers.oidc_claims import ClaimNames
from bind.sign_ons import CAS_ID
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.environment import EnvironmentReader
from models.identity.roles import Role, StaffDirectory
from models.readers.entities import normalise_student_no
from notify.wecom.client import WeComSettings

VARIABLES: Final = (
    *("CAS_BASE_URL", "CAS_EXACT_SERVICE", "CAS_NAME", "CAS_NAME_ATTRIBUTE", "CAS_KIND_ATTRIBUTE"),
    *("CAS_EMAIL_ATTRIBUTE", "CAS_VIEWER_GROUP", "CAS_LIBRARIAN_GROUP", "CAS_ADMINISTRATOR_GROUP"),
    *("STAFF_VIEWERS", "STAFF_LIBRARIANS", "STAFF_ADMINISTRATORS", "STAFF_TOTP", "OIDC_PROVIDERS"),
    *("IDENTITY_PROVIDER", "CAMPUS_TICKET_URL", "CAMPUS_TICKET_SECRET"),
    *("WECOM_CORP_ID", "WECOM_AGENT_ID", "WECOM_SECRET", "WECOM_BASE_URL"),
    *("WECOM_AUTHORIZE_URL", "WECOM_MESSAGES"),
)
OIDC_ENDINGS: Final = (
    *("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "NAME", "NUMBERS", "SCOPES"),
    *("NUMBER_CLAIM", "NAME_CLAIM", "KIND_CLAIM", "EMAIL_CLAIM", "GROUPS_CLAIM"),
    *("VIEWER_GROUP", "LIBRARIAN_GROUP", "ADMINISTRATOR_GROUP"),
)
"""Endings of each OpenID provider's variables, after ``OIDC_`` and its name in OIDC_PROVIDERS."""
OIDC_VARIABLE: Final = re.compile(r"OIDC_([A-Z][A-Z0-9]{0,19})_([A-Z_]+)")
_STAFF: Final = (
    # role, variable of account numbers, end of a variable of the group
    (Role.VIEWER, "STAFF_VIEWERS", "VIEWER_GROUP"),
    (Role.LIBRARIAN, "STAFF_LIBRARIANS", "LIBRARIAN_GROUP"),
    (Role.ADMINISTRATOR, "STAFF_ADMINISTRATORS", "ADMINISTRATOR_GROUP"),
)
_CAS_ENDPOINT: Final = re.compile(
    r"/(login|logout|(p3/)?(serviceValidate|proxyValidate)|p3|validate|proxy|samlValidate)$", re.I
)
_ID: Final = re.compile(r"[a-z][a-z0-9]{0,19}")
_TAKEN: Final = frozenset({CAS_ID, "entry"})
"""Names that no OpenID provider may have, because they have another meaning in URLs and cookies."""


@dataclass(frozen=True, slots=True)
class CasSettings:
    """The settings of the campus's CAS. ``base_url`` is empty if the library has no CAS."""

    base_url: str
    name_attribute: str
    kind_attribute: str
    email_attribute: str
    """Name of the CAS attribute with the e-mail address; empty if the campus releases none."""
    exact_service: bool
    """Whether CAS accepts only this service's exact URL, without an added state."""
    name: str = ""
    """The name on the sign-in page; empty for 统一身份认证."""


@dataclass(frozen=True, slots=True)
class IdentityProviderSettings:
    """How users of the campus's app are identified: by CAS, a ticket or WeCom (企业微信)."""

    kind: Literal["cas", "ticket", "wecom"]
    url: str = ""
    secret: str = field(default="", repr=False)
    wecom: WeComSettings | None = None
    authorize_url: str = ""
    wecom_messages: bool = False


def read_cas(read: EnvironmentReader) -> CasSettings:
    """The settings of the campus's CAS, which is optional if there are OpenID providers."""
    used = read.text("CAS_BASE_URL") or not read.text("OIDC_PROVIDERS")
    return CasSettings(
        base_url=_cas_url(read) if used else "",
        name_attribute=read.env.get("CAS_NAME_ATTRIBUTE", "cn"),
        kind_attribute=read.env.get("CAS_KIND_ATTRIBUTE", "userType"),
        email_attribute=read.text("CAS_EMAIL_ATTRIBUTE"),
        exact_service=read.one_of("CAS_EXACT_SERVICE", "0", ("0", "1")) == "1",
        name=read.text("CAS_NAME"),
    )


def _cas_url(read: EnvironmentReader) -> str:
    if not read.text("CAS_BASE_URL"):
        return read.required(
            "CAS_BASE_URL",
            ": readers sign in there. Or set OIDC_PROVIDERS; to try it without either, use demo",
        )
    value = read.url("CAS_BASE_URL")
    path = urlsplit(value).path
    if endpoint := _CAS_ENDPOINT.search(path):
        read.fault(
            f"CAS_BASE_URL must end before {endpoint[0]}: write "
            f"{value[: len(value) - len(path)]}{path[: endpoint.start()]}"
        )
    return value


def read_oidc(read: EnvironmentReader, cas: CasSettings) -> tuple[OidcSettings, ...]:
    """The OpenID providers in the order of OIDC_PROVIDERS."""
    ids = _provider_ids(read)
    for name in sorted(read.env):
        id = oidc_provider_of(name)
        if id is not None and id not in ids and read.env[name]:
            read.fault(f"{name} is set, but OIDC_PROVIDERS does not list {id}")
    alone = len(ids) == 1 and not cas.base_url
    providers = tuple(_provider(read, id, alone) for id in ids)
    names = [one.name for one in providers] + ([cas.name] if cas.base_url else [])
    if len(names) > 1 and (len(set(names)) < len(names) or "" in names):
        which = [f"OIDC_{id.upper()}_NAME" for id in ids] + (["CAS_NAME"] if cas.base_url else [])
        read.fault(
            f"{', '.join(which)}: with several ways to sign in, each needs its own name "
            "for the sign-in page"
        )
    return providers


def _provider_ids(read: EnvironmentReader) -> Sequence[str]:
    ids = [part.strip() for part in read.text("OIDC_PROVIDERS").split(",") if part.strip()]
    if len(set(ids)) < len(ids) or not all(_ID.fullmatch(id) and id not in _TAKEN for id in ids):
        read.fault(
            "OIDC_PROVIDERS must list different names of small letters and digits, separated by "
            f"commas, such as campus,alumni ({' and '.join(sorted(_TAKEN))} are reserved)"
        )
        return ()
    return ids


def _provider(read: EnvironmentReader, id: str, alone: bool) -> OidcSettings:
    prefix = f"OIDC_{id.upper()}"
    issuer = read.url(f"{prefix}_ISSUER")
    parts = urlsplit(issuer)
    if issuer and parts.scheme != "https" and not is_loopback(parts.hostname):
        read.fault(f"{prefix}_ISSUER must begin with https://")
    numbers = read.one_of(f"{prefix}_NUMBERS", "", ("", "campus", "own"))
    if not numbers and not alone:
        read.fault(
            f"{prefix}_NUMBERS is required with several ways to sign in: campus if a number means "
            "the same person as elsewhere on campus, otherwise own"
        )
    claims = ClaimNames(
        number=read.required(f"{prefix}_NUMBER_CLAIM", ": the claim that holds the account number"),
        name=read.text(f"{prefix}_NAME_CLAIM", "name"),
        kind=read.text(f"{prefix}_KIND_CLAIM"),
        email=read.text(f"{prefix}_EMAIL_CLAIM"),
        groups=read.text(f"{prefix}_GROUPS_CLAIM"),
    )
    for _, _, end in _STAFF:
        if read.text(f"{prefix}_{end}") and not claims.groups:
            read.fault(f"{prefix}_GROUPS_CLAIM is required because {prefix}_{end} is set")
    scopes = read.text(f"{prefix}_SCOPES", "openid profile")
    if "openid" not in scopes.split():
        read.fault(f"{prefix}_SCOPES must include openid, in a list separated by spaces")
    return OidcSettings(
        id=id,
        issuer=issuer,
        client_id=read.required(f"{prefix}_CLIENT_ID"),
        client_secret=read.required(f"{prefix}_CLIENT_SECRET"),
        claims=claims,
        name=read.text(f"{prefix}_NAME"),
        scopes=scopes,
        own_numbers=numbers == "own",
    )


def read_staff(env: Mapping[str, str], providers: Sequence[OidcSettings]) -> StaffDirectory:
    """The staff's roles, by account number and by the groups of each sign-on."""
    numbers, groups = dict[str, Role](), dict[tuple[str, str], Role]()
    for role, accounts, end in _STAFF:
        listed = (normalise_student_no(number) for number in env.get(accounts, "").split(","))
        numbers |= {number: role for number in listed if number}
        if name := env.get(f"CAS_{end}", ""):
            groups[CAS_ID, name] = role
        for provider in providers:
            if name := env.get(f"OIDC_{provider.id.upper()}_{end}", ""):
                groups[provider.id, name] = role
    return StaffDirectory(numbers, groups)


def read_identity_provider(read: EnvironmentReader) -> IdentityProviderSettings:
    kind = read.one_of("IDENTITY_PROVIDER", "cas", ("cas", "ticket", "wecom"))
    if kind == "ticket":
        return IdentityProviderSettings(
            "ticket",
            url=read.url("CAMPUS_TICKET_URL"),
            secret=read.required("CAMPUS_TICKET_SECRET"),
        )
    if kind == "wecom":
        return IdentityProviderSettings(
            "wecom",
            wecom=WeComSettings(
                corp_id=read.required("WECOM_CORP_ID"),
                agent_id=read.required("WECOM_AGENT_ID"),
                secret=read.required("WECOM_SECRET"),
                api_url=read.url("WECOM_BASE_URL", "https://qyapi.weixin.qq.com"),
            ),
            wecom_messages=read.one_of("WECOM_MESSAGES", "0", ("0", "1")) == "1",
            authorize_url=read.url(
                "WECOM_AUTHORIZE_URL", "https://open.weixin.qq.com/connect/oauth2/authorize"
            ),
        )
    return IdentityProviderSettings("cas")


def oidc_provider_of(name: str) -> str | None:
    """The id of the OpenID provider that the variable belongs to; None for any other variable."""
    match = OIDC_VARIABLE.fullmatch(name)
    return match[1].lower() if match is not None and match[2] in OIDC_ENDINGS else None
