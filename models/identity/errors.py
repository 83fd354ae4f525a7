from __future__ import annotations

from models.kernel.errors import Conflict, Forbidden, RuleViolation


class NotBound(Forbidden):
    """The WeChat user has not bound a reader yet."""

    code = "not_bound"


class ScopeMissing(Forbidden):
    """The API token lacks a scope that the request requires. Details: ``scope``, the missing
    one."""

    code = "scope_missing"


class OtherVenue(Forbidden):
    """The staff member's role does not apply to this venue, or (for a change of all venues) not
    to the whole library."""

    code = "other_venue"


class LastAdministrator(Conflict):
    """The change would leave the library without an administrator of all venues."""

    code = "last_administrator"


class AlreadyBound(Conflict):
    """The WeChat user is bound to a reader already."""

    code = "already_bound"


class BindingRequestOver(Conflict):
    """The binding request cannot be answered: it was answered differently or has expired, or the
    activation code was replaced."""

    code = "binding_request_over"


class ReaderBoundElsewhere(Conflict):
    code = "reader_bound_elsewhere"


class ActivationCodeInvalid(RuleViolation):
    """The code is wrong, used or expired; the error does not reveal which."""

    code = "activation_code_invalid"


class SecondFactorRequired(Forbidden):
    """The session's staff rights need a second factor, which the staff member has not given yet."""

    code = "second_factor_required"


class SignInAgain(Forbidden):
    """The session's staff rights were unused for too long or the sign-in is too old: the staff
    member must sign in again."""

    code = "sign_in_again"
