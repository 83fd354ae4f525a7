from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.environment import EnvironmentReader
from models.email_addresses.entities import is_address
from notify.email.smtp_client import SmtpSettings

VARIABLES: Final = ("SMTP_URL", "MAIL_FROM")
_PORTS: Final = {"smtp": 587, "smtps": 465}
_FORM: Final = "must look like smtp://user:password@host:587 or smtps://user:password@host:465"


def read_mail(read: EnvironmentReader) -> SmtpSettings | None:
    """The mail server of SMTP_URL with the sender MAIL_FROM; None if neither is set."""
    url, sender = read.text("SMTP_URL"), read.text("MAIL_FROM")
    if not url and not sender:
        return None
    if not url or not sender:
        present, missing = ("SMTP_URL", "MAIL_FROM") if url else ("MAIL_FROM", "SMTP_URL")
        read.fault(f"{missing} is required because {present} is set (without mail, set neither)")
        return None
    if not is_address(sender):
        read.fault("MAIL_FROM must be an e-mail address such as seats@lib.example.edu.cn")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        read.fault(f"SMTP_URL {_FORM}")
        return None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query:
        read.fault(f"SMTP_URL {_FORM}")
        return None
    user = unquote(parts.username or "")
    return SmtpSettings(
        host=host,
        port=port,
        tls=parts.scheme == "smtps",
        user=user,
        password=unquote(parts.password or ""),
        sender=sender,
        require_starttls=bool(user) and parts.scheme == "smtp" and not is_loopback(host),
    )
