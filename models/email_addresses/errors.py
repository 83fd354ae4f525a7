from __future__ import annotations

from models.kernel.errors import RuleViolation, Unavailable


class EmailCodeInvalid(RuleViolation):
    """The six digits are wrong, were used before, are too old, or were guessed too often."""

    code = "email_code_invalid"


class MailUnavailable(Unavailable):
    """The mail server does not accept the mail with the confirmation code at the moment."""

    code = "mail_unavailable"


class EmailAddressRefused(RuleViolation):
    """The address is malformed, or the mail server rejects it."""

    code = "email_address_refused"
