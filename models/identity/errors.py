"""Why an account cannot be bound to a WeChat user."""

from __future__ import annotations

from models.kernel.errors import Conflict, Forbidden, RuleViolation


class NotBound(Forbidden):
    """The WeChat user has not bound a reader yet."""

    code = "not_bound"


class ScopeMissing(Forbidden):
    """The API token is not good for this. Details: ``scope``, the one that is needed."""

    code = "scope_missing"


class OtherVenue(Forbidden):
    """The role does not reach that far: it is another venue's matter, or the whole library's."""

    code = "other_venue"


class LastAdministrator(Conflict):
    """Nobody would be an administrator of the whole library any more."""

    code = "last_administrator"


class AlreadyBound(Conflict):
    """The WeChat user is bound to a reader."""

    code = "already_bound"


class BindingRequestOver(Conflict):
    """The binding request was answered otherwise, has expired, or its code was replaced."""

    code = "binding_request_over"


class ReaderBoundElsewhere(Conflict):
    """The reader is bound to another WeChat user."""

    code = "reader_bound_elsewhere"


class ActivationCodeInvalid(RuleViolation):
    """Wrong, used or expired alike, so that guessing learns nothing."""

    code = "activation_code_invalid"


class SecondFactorRequired(Forbidden):
    """The staff's rights of this session need a second factor, which it has not been given yet."""

    code = "second_factor_required"


class SignInAgain(Forbidden):
    """The staff's rights of this session have not been used for a while, or for too long: the
    campus asks for the password once more."""

    code = "sign_in_again"
