"""Chromium 70, the oldest browser that kiosks may run, driven by its own protocol: Playwright needs
a younger one."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
import zxingcpp
from PIL import Image

from tests.tools import npm_folder
from tests.waiting import patience

_ARGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    # Built for a place that has one process; it starts in no other way.
    "--single-process",
    "--no-zygote",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "--lang=zh-CN",
)
_PATIENCE_S: Final = patience(10)


class OldTab:
    """The one page of a Chromium 70. ``wrong`` collects errors of its scripts and console."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()
        self.wrong: list[str] = []

    async def listen(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            match said.get("method"):
                case "Page.loadEventFired":
                    self._loaded.set()
                case "Runtime.exceptionThrown":
                    self.wrong.append(str(said["params"]["exceptionDetails"]))
                case "Log.entryAdded" if said["params"]["entry"]["level"] == "error":
                    self.wrong.append(str(said["params"]["entry"]))
            if (answer := self._waiting.pop(said.get("id", 0), None)) is not None:
                answer.set_result(said)

    async def call(self, method: str, **params: object) -> Any:
        """Raises: AssertionError with the browser's answer, TimeoutError."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        said = await asyncio.wait_for(answer, _PATIENCE_S + 5)
        assert "error" not in said, (method, said)
        return said["result"]

    async def evaluate(self, script: str) -> Any:
        """The value of the expression, or of its promise, on the page."""
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, (script, result)
        return result["result"].get("value")

    async def wait_for(self, condition: str) -> Any:
        """Waits for a true value of the condition and returns it."""
        value = await self.evaluate(f"""new Promise((done) => {{
          const began = Date.now(), look = () => {{
            const found = {condition};
            if (found) done(found instanceof Node || found);
            else if (Date.now() - began > {_PATIENCE_S * 1000}) done(null);
            else setTimeout(look, 30);
          }};
          look();
        }})""")
        assert value, (condition, await self.evaluate("document.body.innerText"), self.wrong)
        return value

    async def size(self, width: int, height: int, mobile: bool = False) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    async def go(self, url: str) -> None:
        # By way of an empty page: another "#" alone loads nothing.
        for place in ("about:blank", url):
            self._loaded.clear()
            await self.call("Page.navigate", url=place)
            await asyncio.wait_for(self._loaded.wait(), _PATIENCE_S)

    async def moved_by(self, step: Awaitable[object]) -> None:
        """Awaits the step and the page that the browser loads by itself afterwards."""
        self._loaded.clear()
        await step
        await asyncio.wait_for(self._loaded.wait(), _PATIENCE_S)

    async def click(self, selector: str, text: str = "") -> None:
        """Clicks the middle of the first element with this text, whatever covers it."""
        x, y = await self.wait_for(f"""(() => {{
          const one = [...document.querySelectorAll({json.dumps(selector)})].find(
            (one) => one.textContent.startsWith({json.dumps(text)}) && !one.disabled);
          if (!one) return null;
          one.scrollIntoView({{block: "center"}});
          const box = one.getBoundingClientRect();
          return box.width && [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def type(self, text: str) -> None:
        """Types the keys and Enter, as a card reader does."""
        for key in (*text, "Enter"):
            for kind in ("keyDown", "keyUp"):
                await self.call("Input.dispatchKeyEvent", type=kind, key=key)

    async def codes(self) -> list[str]:
        """The contents of the codes on the screen, as a phone's camera reads them."""
        shot = await self.call("Page.captureScreenshot", format="png")
        image = Image.open(io.BytesIO(base64.b64decode(shot["data"])))
        return [str(code.text) for code in zxingcpp.read_barcodes(image)]


@asynccontextmanager
async def chromium_70(home: Path) -> AsyncIterator[OldTab]:
    """A Chromium 70 with its profile in ``home``. At the end its page may have reported no
    error."""
    process = await asyncio.create_subprocess_exec(
        str(npm_folder("tests/browser") / "node_modules" / "chromium-70"),
        *_ARGS,
        f"--user-data-dir={home}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        port = 0
        async with asyncio.timeout(_PATIENCE_S):
            while not port:
                line = (await process.stderr.readline()).decode()
                assert line, "Chromium 70 ended at its start"
                if line.startswith("DevTools listening on ws://127.0.0.1:"):
                    port = int(line.split(":")[2].partition("/")[0])
        drain = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/new") as answer:
                page = await answer.json(content_type=None)
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = OldTab(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Runtime", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
                listening.cancel()
        assert tab.wrong == []
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await drain
