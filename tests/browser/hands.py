"""How a person works a browser: by a pointer or by the keyboard alone, through Playwright, and in
Firefox and WebKitGTK, which it does not drive, by what W3C WebDriver has for each."""

from __future__ import annotations

import asyncio
import json
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
from playwright.async_api import Locator

from tests.browser.conftest import PHONE, Open, Tab
from tests.living import free_port
from tests.tools import program
from tests.waiting import patience, until

WIDTH: Final = 390
HEIGHT: Final = 844
_MOST_STOPS: Final = 120
"""Presses of the Tab key from one end of a page to the other, with room."""
KEYS: Final = {
    **{"Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowUp": "\ue013"},
    **{"ArrowRight": "\ue014", "ArrowDown": "\ue015"},
}
"""The keys that write nothing, as W3C WebDriver names them."""
# The middle of the first visible element of the selector with the text, if nothing covers it and it
# has stood there for a frame: WebKit ends an animation before it draws where that leaves things.
_MIDDLE: Final = """(selector, text) => {
  const one = [...document.querySelectorAll(selector)].find((one) => one.getClientRects().length
    && one.textContent.includes(text) && !one.disabled);
  if (!one || document.readyState !== "complete") return null;
  const moves = ({ effect, playState }) => playState === "running" && effect.target.contains(one)
    && effect.getComputedTiming().progress !== null;
  if (document.getAnimations().some(moves)) return null;
  one.scrollIntoView({ block: "center", inline: "center" });
  const box = one.getBoundingClientRect();
  const x = Math.round(box.x + box.width / 2), y = Math.round(box.y + box.height / 2);
  const stood = one.stands === `${x} ${y}`;
  requestAnimationFrame(() => { one.stands = `${x} ${y}`; });
  const top = document.elementFromPoint(x, y);
  return stood && top && (one.contains(top) || top.contains(one)) ? [x, y] : null;
}"""


class Hand(Protocol):
    """A person at one page of a browser."""

    async def go(self, url: str) -> None: ...

    async def press(self, selector: str, text: str = "") -> None:
        """Presses the first visible element of the selector with this text, once there is one."""

    async def fill(self, selector: str, text: str) -> None: ...

    async def sees(self, selector: str, text: str = "") -> None:
        """Waits until there is such an element."""

    async def key(self, name: str) -> None:
        """Presses a key of ``KEYS``."""

    async def script(self, function: str, *arguments: str) -> Any:
        """The value that the function has on the page."""


class Pointer:
    """A pointer in a browser of Playwright."""

    def __init__(self, tab: Tab) -> None:
        self.page = tab.page

    async def go(self, url: str) -> None:
        await self.page.goto(url)

    async def press(self, selector: str, text: str = "") -> None:
        await self._first(selector, text).click()

    async def fill(self, selector: str, text: str) -> None:
        await self.page.fill(selector, text)

    async def sees(self, selector: str, text: str = "") -> None:
        await self._first(selector, text).wait_for()

    async def key(self, name: str) -> None:
        await self.page.keyboard.press(name)

    async def script(self, function: str, *arguments: str) -> Any:
        return await self.page.evaluate(f"all => ({function})(...all)", list(arguments))

    def _first(self, selector: str, text: str) -> Locator:
        return self.page.locator(selector, has_text=text).locator("visible=true").first


class Keyboard(Pointer):
    """The keyboard alone: the Tab key, Enter, and what is typed."""

    async def press(self, selector: str, text: str = "") -> None:
        await self._reach(selector, text)
        await self.page.keyboard.press("Enter")

    async def fill(self, selector: str, text: str) -> None:
        await self._reach(selector, "")
        await self.page.keyboard.type(text)

    async def _reach(self, selector: str, text: str) -> None:
        await self.sees(selector, text)
        for _ in range(_MOST_STOPS):
            if await self.script(
                "(selector, text) => document.activeElement.matches(selector)"
                " && document.activeElement.textContent.includes(text)",
                *(selector, text),
            ):
                return
            await self.key("Tab")
        raise AssertionError(f"the Tab key reaches no {selector} {text}")


class Refused(Exception):
    """A browser refused a command; the text has its reason."""


class Silent(Exception):
    """A driver gave no answer, not even that the page takes too long; the text has the command."""


class Driven(ABC):
    """A pointer and keys in a browser that WebDriver drives."""

    @abstractmethod
    async def go(self, url: str) -> None: ...

    @abstractmethod
    async def script(self, function: str, *arguments: str) -> Any:
        """The value that the function has on the page. Raises: Refused."""

    @abstractmethod
    async def perform(self, source: dict[str, Any]) -> None:
        """Performs the actions of one source of input. Raises: Refused."""

    async def press(self, selector: str, text: str = "") -> None:
        x, y = await self._middle(selector, text)
        move = {"type": "pointerMove", "x": x, "y": y}
        steps = [move, *({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))]
        await self.perform({"type": "pointer", "id": "pointer", "actions": steps})

    async def fill(self, selector: str, text: str) -> None:
        await self.press(selector)
        await self._type(text)

    async def sees(self, selector: str, text: str = "") -> None:
        await self._middle(selector, text)

    async def key(self, name: str) -> None:
        await self._type(KEYS[name])

    async def _type(self, text: str) -> None:
        steps = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        await self.perform({"type": "key", "id": "keys", "actions": steps})

    async def _middle(self, selector: str, text: str) -> list[int]:
        """The middle of the element, once it is there and stands still."""
        last: object = None

        async def steady() -> bool:
            nonlocal last
            try:
                last = await self.script(_MIDDLE, selector, text)
            except Refused as refusal:  # while a page goes and another comes
                last = refusal
            return isinstance(last, list)

        try:
            await until(steady, f"{selector} {text}")
        except AssertionError as late:
            page = "() => location.href + '\\n' + document.body.innerText"
            late.add_note(f"{last!r} at {await self.script(page)}")
            raise
        assert isinstance(last, list)
        return last


class Firefox(Driven):
    """The one page of a Firefox, by WebDriver BiDi. ``wrong`` collects errors of its scripts,
    console and network."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._page: dict[str, str] = {}
        self.wrong: list[str] = []

    async def begin(self) -> None:
        await self._call("session.new", capabilities={})
        # The page of the first tab has no focus.
        page = await self._call("browsingContext.create", type="tab")
        self._page = {"context": page["context"]}
        events = ["log.entryAdded", "network.responseCompleted"]
        await self._call("session.subscribe", events=events)
        size = {"width": WIDTH, "height": HEIGHT}
        await self._call("browsingContext.setViewport", **self._page, viewport=size)

    async def listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            match said:
                case {"method": "log.entryAdded", "params": {"level": "error", "text": text}}:
                    self.wrong.append(text)
                case {"method": "network.responseCompleted", "params": {"response": response}}:
                    if response["status"] >= 400:
                        self.wrong.append(f"{response['status']}: {response['url']}")
            if (answer := self._answers.pop(said.get("id") or 0, None)) is not None:
                answer.set_result(said)

    async def go(self, url: str) -> None:
        await self._call("browsingContext.navigate", **self._page, url=url, wait="complete")

    async def script(self, function: str, *arguments: str) -> Any:
        said = await self._call(
            "script.callFunction",
            functionDeclaration=f"(...all) => JSON.stringify(({function})(...all))",
            arguments=[{"type": "string", "value": one} for one in arguments],
            awaitPromise=False,
            target=self._page,
        )
        if said["type"] != "success":
            raise Refused(said["exceptionDetails"]["text"])
        return json.loads(said["result"]["value"])

    async def perform(self, source: dict[str, Any]) -> None:
        await self._call("input.performActions", **self._page, actions=[source])

    async def _call(self, method: str, **params: object) -> Any:
        """Raises: Refused, TimeoutError."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(answer, patience(20))
        if said["type"] == "error":
            raise Refused(f"{method}: {said['error']}: {said['message']}")
        return said["result"]


class WebKit(Driven):
    """The one page of a WebKitGTK. ``base`` is the address of its WebDriver session."""

    def __init__(self, client: aiohttp.ClientSession, base: str) -> None:
        self._client, self._base = client, base

    async def go(self, url: str) -> None:
        await self.call("POST", "/url", url=url)

    async def script(self, function: str, *arguments: str) -> Any:
        script = f"return ({function})(...arguments)"
        return await self.call("POST", "/execute/sync", script=script, args=arguments)

    async def perform(self, source: dict[str, Any]) -> None:
        await self.call("POST", "/actions", actions=[source])

    async def call(self, method: str, path: str, **body: object) -> Any:
        """Raises: Refused, Silent."""
        sent = body if method == "POST" else None
        try:
            async with self._client.request(method, self._base + path, json=sent) as answer:
                value = (await answer.json(content_type=None))["value"]
        except TimeoutError:
            raise Silent(f"{method} {path} {body}") from None
        if answer.status != 200:
            raise Refused(f"{path}: {value['error']}: {value['message']}")
        return value


@asynccontextmanager
async def working(by: str, opened: Open, home: Path) -> AsyncIterator[Hand]:
    """A person at a browser of this kind, for the length of the block."""
    match by:
        case "firefox":
            async with firefox(home) as hand:
                yield hand
        case "webkit":
            async with webkit(home) as other:
                yield other
        case "keyboard":
            yield Keyboard(await opened(viewport={"width": WIDTH, "height": HEIGHT}))
        case _:
            yield Pointer(await opened(java_script_enabled=False, **PHONE))


@asynccontextmanager
async def firefox(home: Path) -> AsyncIterator[Firefox]:
    """A Firefox with its profile in ``home``. At the end its page may have reported no error."""
    preferences = 'user_pref("intl.accept_languages", "zh-CN");'
    (home / "user.js").write_text(preferences, encoding="utf-8")
    async with _running(
        *(program("firefox"), "--headless", "--profile", str(home)),
        "--remote-debugging-port=0",
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        address = ""
        async with asyncio.timeout(patience(30)):
            while not address:
                line = (await process.stderr.readline()).decode()
                assert line, "Firefox ended at its start"
                address = line.partition("WebDriver BiDi listening on ")[2].strip()
        rest = asyncio.create_task(process.stderr.read())
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{address}/session", max_msg_size=0) as socket,
        ):
            hand = Firefox(socket)
            listening = asyncio.create_task(hand.listen())
            await hand.begin()
            yield hand
            listening.cancel()
    await rest
    assert hand.wrong == []


@asynccontextmanager
async def webkit(home: Path) -> AsyncIterator[WebKit]:
    """A WebKitGTK in a window on a screen that nobody sees. It tells nothing of its console."""
    # Its own buttons would not let the window be narrow.
    sheet = home / ".config" / "gtk-3.0" / "gtk.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text("* { font-size: 1px; min-width: 0; padding: 0; margin: 0; border-width: 0 }")
    port = free_port()
    longest = aiohttp.ClientTimeout(total=patience(30))
    async with (
        aiohttp.ClientSession(timeout=longest) as client,
        _screen() as display,
        _running(
            *(program("webkit"), "--host=127.0.0.1", f"--port={port}"),
            env={
                **dict.fromkeys(("HOME", "XDG_RUNTIME_DIR"), str(home)),
                **{"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DISPLAY": display},
                **{"GDK_BACKEND": "x11", "LIBGL_ALWAYS_SOFTWARE": "1"},
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        ),
        _session(client, f"http://127.0.0.1:{port}") as hand,
    ):
        yield hand


@asynccontextmanager
async def _screen() -> AsyncIterator[str]:
    """The name of a display that is kept in memory."""
    async with _running(
        *(program("xvfb"), "-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "800x900x24"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        number = (await process.stdout.readline()).decode().strip()
        assert number, "Xvfb ended at its start"
        yield f":{number}"


@asynccontextmanager
async def _session(client: aiohttp.ClientSession, driver: str) -> AsyncIterator[WebKit]:
    door = WebKit(client, driver)

    async def ready() -> bool:
        with suppress(aiohttp.ClientConnectionError):
            return bool((await door.call("GET", "/status"))["ready"])
        return False

    await until(ready, "WebKitWebDriver")
    patient = {"timeouts": dict.fromkeys(("pageLoad", "script"), round(patience(20) * 1000))}
    made = await door.call("POST", "/session", capabilities={"alwaysMatch": patient})
    hand = WebKit(client, f"{driver}/session/{made['sessionId']}")
    await hand.call("POST", "/window/rect", x=0, y=0, width=WIDTH, height=HEIGHT)
    assert await hand.script("() => innerWidth") == WIDTH
    yield hand
    await hand.call("DELETE", "")  # after a failure the browser ends with its screen


@asynccontextmanager
async def _running(*command: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that ends with the block."""
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(patience(5)):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
