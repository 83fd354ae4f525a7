"""The settings of OpenID providers: valid ones, and helpful refusals of invalid ones."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bind.providers.oidc_claims import ClaimNames, read_claims
from miniapp_server.cli.settings import load
from miniapp_server.settings import SettingsError
from miniapp_server.settings.misspelt import is_known, misspelt
from models.identity.roles import Role
from tests.environments import REAL, SANDBOX

WITHOUT_CAS = {name: value for name, value in REAL.items() if name != "CAS_BASE_URL"}
CAMPUS = {
    "OIDC_CAMPUS_ISSUER": "https://sso.example.edu/realms/campus/",
    "OIDC_CAMPUS_CLIENT_ID": "seats",
    "OIDC_CAMPUS_CLIENT_SECRET": "oidc-secret",
    "OIDC_CAMPUS_NUMBER_CLAIM": "preferred_username",
}
ALONE = {**WITHOUT_CAS, **CAMPUS, "OIDC_PROVIDERS": "campus"}
ALUMNI = {name.replace("CAMPUS", "ALUMNI"): value for name, value in CAMPUS.items()}
TWO = {**ALONE, **ALUMNI, "OIDC_PROVIDERS": "campus, alumni", "OIDC_CAMPUS_NUMBERS": "campus"}
TWO |= {"OIDC_CAMPUS_NAME": "校园账号", "OIDC_ALUMNI_NAME": "校友", "OIDC_ALUMNI_NUMBERS": "own"}
BESIDE_CAS = {**TWO, "CAS_BASE_URL": "https://cas.example.edu/cas", "CAS_NAME": "CAS"}


def test_a_single_oidc_provider_is_the_campus_sign_on() -> None:
    settings = load(ALONE)
    (campus,) = settings.oidc
    assert settings.cas.base_url == "" and not campus.own_numbers
    assert (campus.issuer, campus.name) == ("https://sso.example.edu/realms/campus", "")
    assert campus.claims == ClaimNames("preferred_username", "name", "", "", "")
    assert "oidc-secret" not in repr(settings) and campus.client_secret == "oidc-secret"


def test_several_oidc_providers_work_beside_cas() -> None:
    groups = {
        "CAS_VIEWER_GROUP": "desk",
        "OIDC_ALUMNI_GROUPS_CLAIM": "roles",
        "OIDC_ALUMNI_ADMINISTRATOR_GROUP": "desk",
    }
    settings = load({**BESIDE_CAS, **groups})
    assert [(one.id, one.own_numbers) for one in settings.oidc] == [
        ("campus", False),
        ("alumni", True),
    ]
    assert settings.staff.groups == {
        ("cas", "desk"): Role.VIEWER,
        ("alumni", "desk"): Role.ADMINISTRATOR,
    }


@pytest.mark.parametrize(
    ("base", "changes", "said"),
    [
        *((ALONE, {name: ""}, f"{name} is required") for name in CAMPUS),
        (ALONE, {"OIDC_CAMPUS_ISSUER": "http://sso.example.edu"}, "must begin with https"),
        (ALONE, {"OIDC_CAMPUS_ISSUER": "sso.example.edu"}, "an http or https address"),
        (ALONE, {"OIDC_CAMPUS_SCOPES": "profile"}, "must include openid"),
        (ALONE, {"OIDC_CAMPUS_NUMBERS": "all"}, "OIDC_CAMPUS_NUMBERS must be one of"),
        (ALONE, {"OIDC_CAMPUS_VIEWER_GROUP": "x"}, "OIDC_CAMPUS_GROUPS_CLAIM is required because"),
        (ALONE, {"OIDC_PROVIDERS": ""}, "CAS_BASE_URL is required"),
        (ALONE, {"OIDC_PROVIDERS": "Campus"}, "OIDC_PROVIDERS must list"),
        (ALONE, {"OIDC_PROVIDERS": "campus,campus"}, "OIDC_PROVIDERS must list"),
        (ALONE, {"OIDC_PROVIDERS": "cas"}, "are reserved"),
        (ALONE, {"OIDC_OTHER_NAME": "x"}, "OIDC_OTHER_NAME is set, but OIDC_PROVIDERS does not"),
        (ALONE, {"CAS_BASE_URL": "https://cas.example.edu/cas"}, "OIDC_CAMPUS_NUMBERS is required"),
        (TWO, {"OIDC_ALUMNI_NUMBERS": ""}, "OIDC_ALUMNI_NUMBERS is required with"),
        (TWO, {"OIDC_ALUMNI_NAME": ""}, "each needs its own name"),
        (TWO, {"OIDC_ALUMNI_NAME": "校园账号"}, "each needs its own name"),
        (BESIDE_CAS, {"CAS_NAME": ""}, "OIDC_ALUMNI_NAME, CAS_NAME: with several"),
        (SANDBOX, {**CAMPUS, "OIDC_PROVIDERS": "campus"}, "beside real credentials"),
    ],
)
def test_invalid_provider_settings_are_refused(
    base: Mapping[str, str], changes: Mapping[str, str], said: str
) -> None:
    load(base)
    with pytest.raises(SettingsError, match=said):
        load({**base, **changes})


def test_provider_variables_are_known_and_misspellings_reported() -> None:
    assert all(is_known(name) for name in BESIDE_CAS)
    assert misspelt(BESIDE_CAS) == {}
    assert misspelt({"OIDC_CAMPUS_ISUER", "OIDC_PROVIDER", "OIDC_CAMPUS_FOO_BAR"}) == {
        "OIDC_CAMPUS_ISUER": "OIDC_CAMPUS_ISSUER",
        "OIDC_PROVIDER": "OIDC_PROVIDERS",
        "OIDC_CAMPUS_FOO_BAR": "",
    }


def test_claims_are_read_under_their_configured_names() -> None:
    names = ClaimNames("no", "name", "kind", "email", "realm.roles")
    claims = {"no": 21070001, "name": ["张三"], "kind": {"x": 1}, "email": "a@b.cn"}
    claims |= {"realm": {"roles": ["a", "", 7, True, None]}, "mfa": True}
    identity = read_claims(claims, names)
    assert (identity.number, identity.name, identity.kind, identity.email) == (
        "21070001",
        "张三",
        "",
        "a@b.cn",
    )
    assert identity.groups == ("a", "7", "true")
    assert identity.attributes == {
        "no": ("21070001",),
        "name": ("张三",),
        "email": ("a@b.cn",),
        "mfa": ("true",),
        "realm.roles": ("a", "7", "true"),
    }
    assert read_claims({**claims, "email_verified": False}, names).email == ""
    odd = read_claims({**claims, "name": "张\ud800", "realm": {"roles": [" a", "a "]}}, names)
    assert odd.name == "", "half a character can be stored nowhere"
    assert odd.groups == (" a", "a "), "almost the name of a group is not its name"
    # A name with dots in it is a name first.
    assert read_claims({"a.b": "1", "a": {"b": "2"}}, ClaimNames("a.b")).number == "1"
