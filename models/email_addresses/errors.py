"""Why an address is not taken."""

from __future__ import annotations

from models.kernel.errors import RuleViolation, Unavailable


class EmailCodeInvalid(RuleViolation):
    """The six digits are wrong, used, too old, or have been tried too often."""

    code = "email_code_invalid"


class MailUnavailable(Unavailable):
    """The library's mail server does not take the mail with the code just now."""

    code = "mail_unavailable"


class EmailAddressRefused(RuleViolation):
    """It is no address, or the mail server says that nothing can be sent there."""

    code = "email_address_refused"
