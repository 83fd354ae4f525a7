"""Misspelt names of variables are reported, and environment files are read as systemd does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from miniapp_server.cli.settings import load
from miniapp_server.settings import SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.loading import RENAMED, VARIABLES
from miniapp_server.settings.misspelt import SettingsFile, misspelt
from miniapp_server.settings.sign_on import OIDC_ENDINGS
from tests.environments import REAL, SANDBOX

DEMO = {"DATA_DIR", "DEMO"}
"""What the command line reads for itself."""

OIDC = {
    "OIDC_PROVIDERS": "campus",
    "OIDC_CAMPUS_ISSUER": "https://sso.example.edu",
    "OIDC_CAMPUS_CLIENT_ID": "seats",
    "OIDC_CAMPUS_CLIENT_SECRET": "s",
    "OIDC_CAMPUS_NUMBER_CLAIM": "sub",
    "OIDC_CAMPUS_NUMBERS": "campus",
    "OIDC_CAMPUS_NAME": "OIDC",
}


class Watched(Mapping[str, str]):
    """An environment that records the names read from it."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values, self.asked = values, set[str]()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def test_the_list_of_variables_equals_the_variables_read() -> None:
    key = "k" * 43
    envs = [
        SANDBOX,
        {**REAL, "IDENTITY_PROVIDER": "ticket", "CAMPUS_TICKET_URL": "https://a.example"}
        | {"CAMPUS_TICKET_SECRET": "s", "WECHAT_MP_APPID": "wx1", "WECHAT_MP_SECRET": "s"},
        {**REAL, "IDENTITY_PROVIDER": "wecom", "WECOM_SECRET": "s", "WECOM_CORP_ID": "c"}
        | {"WECOM_AGENT_ID": "1", "WECHAT_MP_TOKEN": "t", "WECHAT_MP_AES_KEY": key}
        | {"WECHAT_MINI_TOKEN": "t", "WECHAT_MINI_AES_KEY": key},
    ]
    envs.append({**REAL, "CAS_NAME": "CAS", **OIDC})
    names = set[str]()
    for env in envs:
        watched = Watched(env)
        load(watched)
        names |= watched.asked
    of_provider = {name for name in names if name.startswith("OIDC_CAMPUS_")}
    assert of_provider == {f"OIDC_CAMPUS_{end}" for end in OIDC_ENDINGS}
    assert (names - of_provider) | DEMO == VARIABLES


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CAS_LIBRARIAN_GRUOP", "CAS_LIBRARIAN_GROUP"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES"),
        ("MONGO_URI", "MONGO_URL"),
        ("mongo_url", "MONGO_URL"),
        ("WECHAT_APP_ID", "WECHAT_APPID"),
        ("ENCRYPTION_KEY", "ENCRYPTION_KEYS"),
        ("WECHAT_QQQQ", ""),
    ],
)
def test_a_misspelt_variable_is_reported(name: str, nearest: str) -> None:
    assert misspelt({"MONGO_URL", name}) == {name: nearest}


@pytest.mark.parametrize(("before", "now"), RENAMED.items())
def test_a_former_variable_name_is_refused(before: str, now: str) -> None:
    assert before not in VARIABLES and now in VARIABLES
    with pytest.raises(SettingsError, match=f"^{before} was renamed: write {now}"):
        load({**SANDBOX, before: "x"})


def test_foreign_variables_are_ignored() -> None:
    foreign = "PATH HOME HOSTNAME LOGNAME LANG SHELL PWD TZ PYTHONPATH LIBRARY_PATH MONGO_PORT"
    foreign += " LD_LIBRARY_PATH REDIS_PORT REDIS_HOST DATABASE_URL PORTS JOURNAL_STREAM http_proxy"
    assert misspelt([*foreign.split(), *VARIABLES]) == {}


def test_unknown_names_in_a_settings_file_are_reported_except_system_ones() -> None:
    own = {"SEATS_FOO": "1", "SITE_TITEL": "x", "TZ": "UTC", "HTTPS_PROXY": "p", "LC_ALL": "C"}
    below = {"FOREIGN_FOO": "1", "PATH": "/bin"}
    assert misspelt(SettingsFile(own, below)) == {"SEATS_FOO": "", "SITE_TITEL": "SITE_TITLE"}


def test_an_environment_file_is_parsed_without_shell_expansion(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text(
        "# a comment\n"
        "; another\n"
        "\n"
        "MONGO_URL=mongodb://m1,m2/?replicaSet=seats&authSource=admin\n"
        "SITE_CONTACT=服务台 010-1234|邮箱 lib@example.edu  \n"
        '  SITE_TITLE = "座位 $HOME `id` \\"一\\""\n'
        "A='single \\n'\n"
        "B=one \\\n  two\n"
        'C="two\nlines"\n'
        "D=1:k=# no comment\n"
        "E=\n"
        "F=back\\\\slash it's\n",
        encoding="utf-8",
    )
    assert read_env_file(path) == {
        "MONGO_URL": "mongodb://m1,m2/?replicaSet=seats&authSource=admin",
        "SITE_CONTACT": "服务台 010-1234|邮箱 lib@example.edu",
        "SITE_TITLE": '座位 $HOME `id` "一"',
        "A": "single \\n",
        "B": "one   two",
        "C": "two\nlines",
        "D": "1:k=# no comment",
        "E": "",
        "F": "back\\slash it's",
    }
    path.write_text("GOOD=1\nset -a\n")
    with pytest.raises(ValueError, match="line 2"):
        read_env_file(path)
