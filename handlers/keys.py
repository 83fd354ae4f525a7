"""Typed keys of the application: what a handler can reach.

One key a feature service, and a few for machinery. ``miniapp_server/wiring.py`` sets them.
"""

from __future__ import annotations
