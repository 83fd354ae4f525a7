"""A CAS server that is not ours, in a process of its own: django-mama-cas on Django.

Use it with ``pytest_plugins = ["tests.api.third_party_cas"]`` in a test module, and import from
here under ``TYPE_CHECKING`` only: pytest wants to be the first to import a plugin.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

PROJECT = Path(__file__).with_name("cas_server")
START_TIMEOUT_S = 30.0
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class ThirdPartyCas:
    """Where it listens, and a student who can sign in.

    ``librarian`` has the same password. Any service on 127.0.0.1 or localhost may use it.
    """

    base_url: str
    username: str
    password: str

    async def login(
        self, session: aiohttp.ClientSession, service_url: str, username: str | None = None
    ) -> str:
        """Sign in through its form, as a browser does, and return the ticket for the service.

        A session that is signed in already gets its ticket without the form. The session needs
        ``CookieJar(unsafe=True)``, or it keeps no cookies of an IP address.
        """
        login = f"{self.base_url}/login"
        query = {"service": service_url}
        async with session.get(login, params=query, allow_redirects=False) as answer:
            if answer.status == 302:
                return ticket_in(answer.headers["Location"])
            token = CSRF.search(await answer.text())
        assert token is not None, "the form of the third-party server has changed"
        form = {
            "csrfmiddlewaretoken": token[1],
            "username": username or self.username,
            "password": self.password,
        }
        async with session.post(login, params=query, data=form, allow_redirects=False) as answer:
            assert answer.status == 302, f"signing in gave {answer.status}"
            return ticket_in(answer.headers["Location"])


def ticket_in(url: str) -> str:
    """The one ticket that a redirect to the service carries."""
    (ticket,) = parse_qs(urlsplit(url).query)["ticket"]
    return ticket


@pytest.fixture(scope="session")
def third_party_cas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThirdPartyCas]:
    """One server for the whole run, on a port of its own choice, with an empty database."""
    folder = tmp_path_factory.mktemp("third_party_cas")
    password = secrets.token_urlsafe(12)
    log = folder / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "serve.py"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={
                **os.environ,
                "CAS_SERVER_DATABASE": str(folder / "cas.sqlite3"),
                "CAS_SERVER_PASSWORD": password,
                # It posts single logouts to 127.0.0.1, whatever proxy the environment names.
                "NO_PROXY": "*",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        # The line comes once the socket listens; the end of the pipe, if the server died.
        ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        line = process.stdout.readline().decode() if ready else ""
        assert line.startswith("ready "), log.read_text(errors="replace")
        yield ThirdPartyCas(f"http://127.0.0.1:{int(line.split()[1])}/cas", "21070001", password)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
