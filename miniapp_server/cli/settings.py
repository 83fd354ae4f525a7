"""What an environment asks for: a library's own service, or with ``SANDBOX=1`` the sandbox."""

from __future__ import annotations

from miniapp_server.app import Plug
from miniapp_server.cli.command import Env
from miniapp_server.sandbox.settings import load_sandbox
from miniapp_server.settings import Settings, SettingsError
from miniapp_server.settings import load as load_own
from models.storage.installation import Mode


def load(env: Env, lan: str = "") -> Settings:
    """Read and validate all settings. ``lan``: as in ``load_sandbox``.

    Raises: SettingsError with every fault, unless sandbox or not is the question: the rest depends
        on it.
    """
    asked = env.get("SANDBOX") or "0"
    if asked not in ("0", "1"):
        raise SettingsError("SANDBOX must be 0 or 1")
    return load_sandbox(env, lan) if asked == "1" else load_own(env)


def plug_of(settings: Settings) -> Plug | None:
    """What ``create_app`` takes beside these settings."""
    if settings.mode is not Mode.SANDBOX:
        return None
    # Here and not above: 2 MB of every worker of a library's own.
    from miniapp_server.sandbox.sandbox import plug_in

    return plug_in
