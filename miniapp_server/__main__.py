"""Runs ``seats`` with this interpreter; child processes are started this way."""

from __future__ import annotations

from miniapp_server.cli import main

if __name__ == "__main__":
    main()
