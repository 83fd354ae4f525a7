from __future__ import annotations

from models.kernel.errors import RuleViolation, Unavailable


class EmailCodeInvalid(RuleViolation):
    """The six digits are wrong, used, too old, or were tried too often."""

    code = "email_code_invalid"


class MailUnavailable(Unavailable):
    """The mail server does not accept the mail with the code at the moment."""

    code = "mail_unavailable"


class EmailAddressRefused(RuleViolation):
    """The address is malformed, or the mail server rejects it."""

    code = "email_address_refused"
