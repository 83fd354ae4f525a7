from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from handlers.http.endpoint import Endpoint

Operation = TypeVar("Operation", bound=Callable[..., Awaitable[Any]])
Options = ParamSpec("Options")


class ApiRoutes(list[Endpoint]):
    """One module's API operations: ``@routes.get(path, summary, …)`` appends an ``Endpoint``."""

    def __init__(self) -> None:
        super().__init__()
        self.get = self._adding(Endpoint, "GET")
        self.post = self._adding(Endpoint, "POST")
        self.delete = self._adding(Endpoint, "DELETE")

    def _adding(
        self,
        endpoint: Callable[Concatenate[Callable[..., Awaitable[Any]], str, Options], Endpoint],
        method: str,
    ) -> Callable[Options, Callable[[Operation], Operation]]:
        def route(
            *args: Options.args, **options: Options.kwargs
        ) -> Callable[[Operation], Operation]:
            def add(operation: Operation) -> Operation:
                self.append(endpoint(operation, method, *args, **options))
                return operation

            return add

        return route
