"""Errors of the MongoDB driver and their translation."""

from __future__ import annotations

import pytest
from pymongo.errors import OperationFailure

from models.kernel.errors import Unavailable
from models.storage.mongo_errors import translate_errors


@pytest.mark.parametrize(
    "code",
    [
        *(10107, 13435, 189, 91),  # no primary here, or it steps down
        *(11600, 11601, 11602),  # interrupted: by a shutdown, by killOp, by a change of roles
    ],
)
def test_an_interrupted_operation_raises_unavailable(code: int) -> None:
    with pytest.raises(Unavailable), translate_errors():
        raise OperationFailure("interrupted", code)


def test_an_invalid_operation_keeps_its_error() -> None:
    with pytest.raises(OperationFailure), translate_errors():
        raise OperationFailure("unknown operator: $foo", 2)
