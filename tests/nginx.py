"""nginx with the shipped configuration."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.living import free_port
from tests.tools import ROOT, program
from tests.waiting import until


@asynccontextmanager
async def shipped_nginx(folder: Path, *backends: str, port: int = 0) -> AsyncIterator[str]:
    """Runs deploy/nginx.conf without TLS before these backends. Yields its address, on a free port
    unless one is given."""
    port = port or free_port()
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    text = re.sub(r"server \{\s+listen 80;.*?\n\}", "", text, flags=re.S)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    text = text.replace("    listen [::]:443 ssl;\n", "")
    text = text.replace("/var/log/nginx", str(folder))
    text = re.sub(r"\n +(http2 on|ssl_certificate\w*).*?;", "", text)
    own = "".join(rf"server {backend}\1;" for backend in backends)
    text = re.sub(r"server 127\.0\.0\.1:8080\b([^;]*);", own, text, count=1)
    temporary = "".join(
        f"{kind}_temp_path {folder};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; worker_processes 1; pid {folder / 'pid'}; error_log {folder / 'error.log'};"
        f"events {{}} http {{ access_log off; {temporary} {text} }}",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        *(program("nginx"), "-e", "stderr", "-c", str(file)),
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def listens() -> bool:
        assert process.returncode is None, "nginx refuses its configuration"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(listens, "nginx", 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
