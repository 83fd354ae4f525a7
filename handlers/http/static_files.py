"""Static files, read at startup. Their names contain a hash of the content, so that browsers may
cache them for ever. A file's plain name also works; browsers then revalidate it each time."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

import msgspec
from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.texts.pages import SHORT_TITLE
from languages.catalogue import CHINESE, LANGUAGES
from languages.text import Language
from models.profile.entities import SHORT_TITLE_CHARS

SCRIPT_MESSAGE: Final = re.compile(r'\b_\(("(?:[^"\\]|\\.)*")')
"""Matches a message in a script: _("…"."""
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    packed: bytes
    kind: str
    hashed: str

    def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        etag = f'"{self.hashed}"'
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable"
            if name == self.hashed
            else "no-cache",
            "ETag": etag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = self.kind
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=self.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=self.content, headers=headers)


def _read() -> tuple[dict[str, _Asset], dict[str, str]]:
    by_name: dict[str, _Asset] = {}
    urls: dict[str, str] = {}
    folder = files("handlers").joinpath("static")
    for file in (*folder.iterdir(), *folder.joinpath("vendor").iterdir()):
        path = PurePosixPath(file.name)
        if path.suffix not in _KINDS:
            continue
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:10]
        hashed = f"{path.stem}.{digest}{path.suffix}"
        asset = _Asset(content, gzip.compress(content, 9, mtime=0), _KINDS[path.suffix], hashed)
        by_name[file.name] = by_name[hashed] = asset
        urls[file.name] = f"/static/{hashed}"
    return by_name, urls


_BY_NAME, _URLS = _read()


def _translated(language: Language) -> dict[str, str]:
    """Adds the scripts that have other words in the language to ``_BY_NAME``. Returns their URLs
    by script name."""
    urls: dict[str, str] = {}
    for name in list(_URLS):
        if not name.endswith(".js"):
            continue
        source = _BY_NAME[name].content.decode()
        content = translated_script(source, language).encode()
        if content == source.encode():
            continue
        digest = hashlib.sha256(content).hexdigest()[:10]
        hashed = f"{name.removesuffix('.js')}.{language.tag}.{digest}.js"
        packed = gzip.compress(content, 9, mtime=0)
        _BY_NAME[hashed] = _Asset(content, packed, _KINDS[".js"], hashed)
        urls[name] = f"/static/{hashed}"
    return urls


def translated_script(source: str, language: Language) -> str:
    """The script with the messages of ``_("…")`` in the language."""

    def translation(call: re.Match[str]) -> str:
        message = json.loads(call[1])
        return f"_({json.dumps(language.translation(message), ensure_ascii=False)}"

    return SCRIPT_MESSAGE.sub(translation, source)


_TRANSLATED_URLS: Final = {language: _translated(language) for language in LANGUAGES.values()}


def asset_url(name: str, language: Language = CHINESE) -> str:
    """The URL of the file in the language, with a hash of its content. Raises: KeyError if no
    file has this name."""
    return _TRANSLATED_URLS[language].get(name) or _URLS[name]


def asset_text(name: str) -> str:
    """The file's text, in Chinese. Raises: KeyError if no file has this name."""
    return _BY_NAME[name].content.decode()


def asset_routes() -> list[web.RouteDef]:
    return [
        web.get("/static/{name}", _static),
        web.get("/favicon.ico", _favicon),
        web.get("/manifest.webmanifest", _manifest),
    ]


async def _static(request: web.Request) -> web.Response:
    asset = _BY_NAME.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    return asset.answer(request)


async def _manifest(request: web.Request) -> web.Response:
    """The web app manifest, by which phones can put the service on the home screen."""
    profile = request.app[REFERENCE].profile
    language, title = library_language(profile), profile.title
    manifest = {
        "name": language.say(title),
        "short_name": language.say(title if len(title) <= SHORT_TITLE_CHARS else SHORT_TITLE),
        "lang": language.html,
        "start_url": "/",
        "display": "minimal-ui",
        "background_color": "#f4f6fb",
        "theme_color": "#1d5bbf",
        "icons": [
            {"src": _URLS[f"icon-{size}.png"], "sizes": f"{size}x{size}", "type": "image/png"}
            for size in (192, 512)
        ],
    }
    return web.Response(
        body=msgspec.json.encode(manifest),
        content_type="application/manifest+json",
        headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"},
    )


async def _favicon(_: web.Request) -> web.Response:
    """Redirects to the icon. Browsers request /favicon.ico for pages that name no icon."""
    raise web.HTTPFound(_URLS["icon.svg"])
