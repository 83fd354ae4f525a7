"""The settings of a real library, or with ``SANDBOX=1`` of the sandbox."""

from __future__ import annotations

from miniapp_server.app import Plug
from miniapp_server.cli.command import Env
from miniapp_server.sandbox.settings import load_sandbox
from miniapp_server.settings import Settings, SettingsError
from miniapp_server.settings import load as load_own
from models.storage.installation import Mode


def load(env: Env, lan: str = "") -> Settings:
    """Read and validate settings. ``lan``: the private address where a sandbox listens for other
    machines. Raises: SettingsError with all faults; if SANDBOX is wrong, with this fault alone."""
    sandbox = env.get("SANDBOX") or "0"
    if sandbox not in ("0", "1"):
        raise SettingsError("SANDBOX must be 0 or 1")
    return load_sandbox(env, lan) if sandbox == "1" else load_own(env)


def plug_of(settings: Settings) -> Plug | None:
    """The sandbox's plug for ``create_app``; None for a real library."""
    if settings.mode is not Mode.SANDBOX:
        return None
    # Imported here: every worker of a real library would need 2 MB more.
    from miniapp_server.sandbox.sandbox import plug_in

    return plug_in
