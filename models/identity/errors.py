from __future__ import annotations

from models.kernel.errors import Conflict, Forbidden, RuleViolation


class NotBound(Forbidden):
    """The WeChat user has not bound a reader yet."""

    code = "not_bound"


class ScopeMissing(Forbidden):
    """The API token lacks a scope that the request needs. Details: ``scope``, the missing one."""

    code = "scope_missing"


class OtherVenue(Forbidden):
    """The staff role does not cover this venue or, for changes of all venues, the whole library."""

    code = "other_venue"


class LastAdministrator(Conflict):
    """The change would leave the library without an administrator of all venues."""

    code = "last_administrator"


class AlreadyBound(Conflict):
    """The WeChat user is bound to a reader already."""

    code = "already_bound"


class BindingRequestOver(Conflict):
    """The binding request was answered differently or expired, or its code was replaced."""

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
    """The session's staff rights were unused too long or its sign-in is too old: sign in again."""

    code = "sign_in_again"
