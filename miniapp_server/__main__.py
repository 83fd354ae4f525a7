"""``python -m miniapp_server``"""

from __future__ import annotations

from miniapp_server.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
