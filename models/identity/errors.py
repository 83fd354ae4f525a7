from __future__ import annotations

from models.kernel.errors import Conflict, Forbidden, RuleViolation


class NotBound(Forbidden):
    """The WeChat user has not bound a reader yet."""

    code = "not_bound"


class ScopeMissing(Forbidden):
    """The API token lacks the scope. Details: ``scope``, the missing one."""

    code = "scope_missing"


class OtherVenue(Forbidden):
    """The role does not apply to this venue, or not to the whole library."""

    code = "other_venue"


class LastAdministrator(Conflict):
    """The library would be left without an administrator of all venues."""

    code = "last_administrator"


class AlreadyBound(Conflict):
    """The WeChat user is bound already."""

    code = "already_bound"


class BindingRequestOver(Conflict):
    """The binding request was answered otherwise or has expired, or its code was replaced."""

    code = "binding_request_over"


class ReaderBoundElsewhere(Conflict):
    code = "reader_bound_elsewhere"


class ActivationCodeInvalid(RuleViolation):
    """The code is wrong, used or expired; the error does not reveal which."""

    code = "activation_code_invalid"


class SecondFactorRequired(Forbidden):
    """The session's staff rights need a second factor, which is still missing."""

    code = "second_factor_required"


class SignInAgain(Forbidden):
    """The session's staff rights were idle for too long or are too old: a new sign-in is needed."""

    code = "sign_in_again"
