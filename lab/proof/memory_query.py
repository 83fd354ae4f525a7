"""MongoDB's queries, updates and expressions on a document, as far as the store uses them.

Anything else raises NotImplementedError, so that no query is answered by a guess. A test compares
every operation with a real server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from miniapp_server.clock import real_now

Document = dict[str, Any]
MISSING: Final[Any] = object()
"""Stands for a missing field. In comparisons for equality it counts as null, as in MongoDB."""
_THIS: Final = "$$this"
"""The key under which a list's current item is added to the document, for expressions on items."""
_ORDER: Final = ((type(None),), (int, float), (str,), (dict,), (list,), (bool,), (datetime,))
"""BSON's order of types, as far as they occur."""


def stored(value: Any) -> Any:
    """A copy of the value as MongoDB would return it: dates in UTC with milliseconds, strings
    without their class, lists for tuples."""
    if isinstance(value, Mapping):
        return {str(name): stored(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [stored(item) for item in value]
    if isinstance(value, datetime):
        whole = value.microsecond // 1000 * 1000
        return value.astimezone(UTC).replace(microsecond=whole)
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, str) else value


@lru_cache(4096)
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def field_of(document: Any, path: str) -> Any:
    """The value at the path; MISSING if there is none. Through a list of documents it is a list
    of their values."""
    value = document
    for number, part in enumerate(_parts(path)):
        if isinstance(value, list):
            if part.isdigit():
                value = value[int(part)] if int(part) < len(value) else MISSING
                continue
            rest = ".".join(_parts(path)[number:])
            values = [field_of(item, rest) for item in value if isinstance(item, dict)]
            return values if any(item is not MISSING for item in values) or not value else MISSING
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def sort_key(value: Any) -> tuple[int, Any]:
    """A key that orders values of different types as BSON does."""
    if value is MISSING:
        value = None
    if isinstance(value, bool):
        return 5, value
    for place, types in enumerate(_ORDER):
        if isinstance(value, types):
            return place, 0 if value is None else value
    raise NotImplementedError(f"the order of {value!r}")


def _comparable(value: Any, other: Any) -> bool:
    return sort_key(value)[0] == sort_key(other)[0]


def _equal(value: Any, expected: Any) -> bool:
    if value is MISSING:
        return expected is None
    return bool(value == expected) and isinstance(value, bool) == isinstance(expected, bool)


def _any(value: Any, test: Callable[[Any], bool]) -> bool:
    """True if the value passes the test, or if it is a list and one item passes."""
    return test(value) or (isinstance(value, list) and any(test(item) for item in value))


def _holds(value: Any, expected: Any) -> bool:
    """True if the value is ``expected``, or a list that contains it."""
    return _any(value, lambda item: _equal(item, expected))


def _is_type(value: Any, name: str) -> bool:
    if name == "int":  # greater ones are stored as long
        return type(value) is int and -(2**31) <= value < 2**31
    types = {"string": str, "date": datetime, "array": list, "object": dict, "bool": bool}
    return value is not MISSING and isinstance(value, types[name])


_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "$lt": lambda value, limit: _comparable(value, limit) and value < limit,
    "$lte": lambda value, limit: _comparable(value, limit) and (value is limit or value <= limit),
    "$gt": lambda value, limit: _comparable(value, limit) and value > limit,
    "$gte": lambda value, limit: _comparable(value, limit) and (value is limit or value >= limit),
}


def _passes(value: Any, operator: str, operand: Any) -> bool:
    """True if a field's value passes one operator of a query."""
    match operator:
        case "$eq":
            return _holds(value, operand)
        case "$ne":
            return not _holds(value, operand)
        case "$in":
            return any(_holds(value, one) for one in operand)
        case "$nin":
            return not any(_holds(value, one) for one in operand)
        case "$exists":
            return (value is not MISSING) is bool(operand)
        case "$type":
            return _any(value, lambda item: _is_type(item, operand))
        case "$not":
            return not all(_passes(value, name, inner) for name, inner in operand.items())
        case "$elemMatch":
            return isinstance(value, list) and any(matches(item, operand) for item in value)
        case "$regex":
            pattern = re.compile(operand)
            return _any(value, lambda item: isinstance(item, str) and bool(pattern.search(item)))
    compare = _COMPARE.get(operator)
    if compare is None:
        raise NotImplementedError(operator)
    if value is MISSING:
        return False
    return _any(value, lambda item: compare(item, operand))


def matches(document: Document, query: Mapping[str, Any]) -> bool:
    """True if the query finds the document."""
    for name, condition in query.items():
        if name == "$or":
            if not any(matches(document, one) for one in condition):
                return False
        elif name == "$and":
            if not all(matches(document, one) for one in condition):
                return False
        elif name == "$expr":
            if not evaluated(condition, document):
                return False
        elif name.startswith("$"):
            raise NotImplementedError(name)
        elif not _field_matches(field_of(document, name), condition):
            return False
    return True


def _field_matches(value: Any, condition: Any) -> bool:
    if isinstance(condition, dict) and any(name.startswith("$") for name in condition):
        return all(_passes(value, name, operand) for name, operand in condition.items())
    return _holds(value, condition)


# --- expressions ----------------------------------------------------------------------------------


def evaluated(expression: Any, document: Document) -> Any:
    """The expression's value for the document."""
    if isinstance(expression, str) and expression.startswith("$$"):
        return _variable(expression[2:], document)
    if isinstance(expression, str) and expression.startswith("$"):
        return field_of(document, expression[1:])
    if isinstance(expression, list):
        return [evaluated(item, document) for item in expression]
    if not isinstance(expression, dict):
        return stored(expression)
    operator = next(iter(expression), "")
    if not operator.startswith("$"):
        fields = {name: evaluated(item, document) for name, item in expression.items()}
        return {name: value for name, value in fields.items() if value is not MISSING}
    return _operation(operator, expression[operator], document)


def _variable(path: str, document: Document) -> Any:
    name, _, rest = path.partition(".")
    if name == "NOW":
        return stored(real_now())
    if name == "REMOVE":
        return MISSING
    if name != "this":
        raise NotImplementedError(name)
    this = document[_THIS]
    return field_of(this, rest) if rest else this


def _items(value: Any) -> Any:
    """The list, or null if the field is missing or null, as MongoDB's operators on lists treat
    it."""
    return None if value is MISSING or value is None else value


def _operation(operator: str, operand: Any, document: Document) -> Any:
    match operator:
        case "$literal":
            return stored(operand)
        case "$cond":
            condition, then, otherwise = operand
            return evaluated(then if evaluated(condition, document) else otherwise, document)
        case "$and":
            return all(evaluated(item, document) for item in operand)
        case "$ifNull":
            values = [evaluated(item, document) for item in operand]
            return next((v for v in values[:-1] if v is not MISSING and v is not None), values[-1])
        case "$type":
            value = evaluated(operand, document)
            names = {str: "string", datetime: "date", list: "array", dict: "object", bool: "bool"}
            return "missing" if value is MISSING else names.get(type(value), "null")
        case "$max":
            values = [evaluated(item, document) for item in operand]
            return max((v for v in values if v not in (MISSING, None)), key=sort_key, default=None)
        case "$concatArrays":
            return [item for part in operand for item in evaluated(part, document)]
        case "$filter":
            items = _items(evaluated(operand["input"], document))
            condition = operand["cond"]
            return items and [i for i in items if evaluated(condition, document | {_THIS: i})]
        case "$first":
            items = _items(evaluated(operand, document))
            return items[0] if items else MISSING if items == [] else None
        case "$add":
            return sum(evaluated(item, document) for item in operand)
    first, second = (evaluated(item, document) for item in operand)
    if operator == "$in":
        return any(_equal(first, one) for one in second)
    if operator == "$indexOfArray":
        return first.index(second) if second in first else -1
    if operator == "$arrayElemAt":
        return first[second] if -len(first) <= second < len(first) else MISSING
    if operator == "$ne":
        return not _operation("$eq", operand, document)
    if operator == "$eq":
        return sort_key(first) == sort_key(second) and (first is MISSING) == (second is MISSING)
    compare = {
        "$lt": lambda a, b: a < b,
        "$lte": lambda a, b: a <= b,
        "$gt": lambda a, b: a > b,
        "$gte": lambda a, b: a >= b,
    }.get(operator)
    if compare is None:
        raise NotImplementedError(operator)
    return compare(sort_key(first), sort_key(second))


# --- updates --------------------------------------------------------------------------------------


def updated(document: Document, update: Any, *, fresh: bool = False) -> Document:
    """The updated copy of the document. ``fresh``: an upsert inserts it, so that
    ``$setOnInsert`` counts."""
    new: Document = stored(document)
    if isinstance(update, Sequence):
        for stage in update:
            ((operator, fields),) = stage.items()
            if operator == "$unset":
                for name in fields:
                    _change(new, "$unset", name, "")
                continue
            if operator != "$set":
                raise NotImplementedError(operator)
            values = {name: evaluated(value, new) for name, value in fields.items()}
            for name, value in values.items():
                if value is MISSING:
                    _change(new, "$unset", name, "")
                else:
                    _put(new, name, value)
        return new
    for operator, fields in update.items():
        if not operator.startswith("$"):
            raise NotImplementedError("an update without operators")
        for name, operand in fields.items():
            if operator != "$setOnInsert" or fresh:
                _change(new, operator, name, operand)
    return new


def _put(document: Document, path: str, value: Any) -> None:
    *outer, last = _parts(path)
    for part in outer:
        inner = document.get(part)
        if not isinstance(inner, dict):
            inner = document[part] = {}
        document = inner
    document[last] = stored(value)


def _change(document: Document, operator: str, path: str, operand: Any) -> None:
    value = field_of(document, path)
    match operator:
        case "$set" | "$setOnInsert":
            _put(document, path, operand)
        case "$unset":
            holder = document
            *outer, last = _parts(path)
            for part in outer:
                holder = holder.get(part) or {}
            holder.pop(last, None)
        case "$inc":
            _put(document, path, (0 if value is MISSING else value) + operand)
        case "$max":
            if value is MISSING or sort_key(stored(operand)) > sort_key(value):
                _put(document, path, operand)
        case "$push":
            many = isinstance(operand, dict) and "$each" in operand
            items = [
                *([] if value is MISSING else value),
                *(operand["$each"] if many else [operand]),
            ]
            if many and "$slice" in operand:
                items = items[operand["$slice"] :]
            _put(document, path, items)
        case "$addToSet":
            items = [] if value is MISSING else value
            if stored(operand) not in items:
                _put(document, path, [*items, operand])
        case "$pull":
            if value is not MISSING:
                _put(document, path, [item for item in value if not _pulled(item, operand)])
        case _:
            raise NotImplementedError(operator)


def _pulled(item: Any, condition: Any) -> bool:
    if isinstance(condition, dict) and isinstance(item, dict):
        return matches(item, condition)
    return _field_matches(item, condition)


def upserted(query: Mapping[str, Any], update: Any) -> Document:
    """The document that an upsert inserts if the query finds none."""
    base: Document = {}
    for name, condition in query.items():
        operators = isinstance(condition, dict) and any(key.startswith("$") for key in condition)
        if not name.startswith("$") and not operators:
            _put(base, name, condition)
    return updated(base, update, fresh=True)


def projected(document: Document, projection: Mapping[str, Any] | None) -> Document:
    """A copy of the document with the projected fields only."""
    if not projection:
        return dict(document)
    fields = {name: show for name, show in projection.items() if name != "_id"}
    if fields and all(fields.values()):
        selected: Document = {}
        if projection.get("_id", 1) and "_id" in document:
            selected["_id"] = document["_id"]
        for name in fields:
            value = field_of(document, name)
            if value is not MISSING:
                _put(selected, name, value)
        return selected
    if any(fields.values()):
        raise NotImplementedError("a projection that shows and hides")
    if not fields and projection.get("_id"):
        return {"_id": document["_id"]}
    return {name: value for name, value in document.items() if name not in projection}
