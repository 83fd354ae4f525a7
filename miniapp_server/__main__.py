"""``seats`` of the interpreter that runs: how a process starts another one of its own kind."""

from __future__ import annotations

from miniapp_server.cli import main

if __name__ == "__main__":
    main()
