"""A model of MongoDB in memory: documents, and the unique indexes that decide every race.

One operation happens at a time. Documents are never changed in place, so a copy of the store copies
only its tables. Copies serve as snapshots, as transactions, and as a cut-off primary whose writes
will be undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pymongo.errors import BulkWriteError, DuplicateKeyError

from lab.proof.memory_query import (
    MISSING,
    Document,
    field_of,
    matches,
    projected,
    sort_key,
    stored,
    updated,
    upserted,
)
from models.schema.indexes import INDEXES

_DUPLICATE_KEY: Final = 11000
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class UniqueIndex:
    """A unique index. ``only``: its partial filter, if any."""

    name: str
    fields: tuple[str, ...]
    only: Mapping[str, Any] | None
    sparse: bool

    def keys(self, document: Document) -> list[Key]:
        """The document's keys, in the order in which MongoDB enters them."""
        if self.only is not None and not matches(document, self.only):
            return []
        if len(self.fields) > 1:
            return [tuple(_hashable(field_of(document, name)) for name in self.fields)]
        value = field_of(document, self.fields[0])
        if value is MISSING and self.sparse:
            return []
        many = value if isinstance(value, list) else [value]
        return [(item,) for item in sorted({_hashable(item) for item in many}, key=sort_key)]


def _hashable(value: Any) -> Any:
    return None if value is MISSING else tuple(value) if isinstance(value, list) else value


@cache
def unique_indexes(collection: str) -> tuple[UniqueIndex, ...]:
    """The unique indexes that the service declares, that of ``_id`` first."""
    indexes = [UniqueIndex("_id_", ("_id",), None, sparse=False)]
    for model in INDEXES.get(collection, ()):
        d = model.document
        if d.get("unique"):
            only = d.get("partialFilterExpression")
            indexes.append(UniqueIndex(d["name"], tuple(d["key"]), only, bool(d.get("sparse"))))
    return tuple(indexes)


class Table:
    """A collection."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.indexes = unique_indexes(name)
        self.documents: dict[Any, Document] = {}
        self._holders: dict[tuple[str, Key], Any] = {}

    def copy(self) -> Table:
        new = Table.__new__(Table)
        new.name, new.indexes = self.name, self.indexes
        new.documents, new._holders = dict(self.documents), dict(self._holders)
        return new

    def put(self, document: Document) -> None:
        """Inserts the document, or replaces the one with its ``_id``.

        Raises: DuplicateKeyError, with nothing changed.
        """
        old = self.documents.get(document["_id"])
        new_keys = [(i, key) for i in self.indexes for key in i.keys(document)]
        for index, key in new_keys:
            holder = self._holders.get((index.name, key), document["_id"])
            if holder != document["_id"]:
                raise _duplicate(self.name, index, key)
        if old is not None:
            self._forget(old)
        self.documents[document["_id"]] = document
        for index, key in new_keys:
            self._holders[index.name, key] = document["_id"]

    def insert(self, document: Document) -> None:
        """Inserts the document. Raises: DuplicateKeyError, with nothing changed, also if its
        ``_id`` exists."""
        if document["_id"] in self.documents:
            raise _duplicate(self.name, self.indexes[0], (document["_id"],))
        self.put(document)

    def remove(self, id: Any) -> None:
        self._forget(self.documents.pop(id))

    def _forget(self, document: Document) -> None:
        for index in self.indexes:
            for key in index.keys(document):
                self._holders.pop((index.name, key), None)


def _duplicate(collection: str, index: UniqueIndex, key: Key) -> DuplicateKeyError:
    text = f"E11000 duplicate key error collection: {collection} index: {index.name} dup key: {key}"
    details = {
        "code": _DUPLICATE_KEY,
        "errmsg": text,
        "keyPattern": dict.fromkeys(index.fields, 1),
        "keyValue": dict(zip(index.fields, key, strict=True)),
    }
    return DuplicateKeyError(text, _DUPLICATE_KEY, details)


@dataclass(frozen=True, slots=True)
class Changed:
    """The result of an update, with pymongo's names."""

    matched_count: int = 0
    modified_count: int = 0
    upserted_id: Any = None


@dataclass(frozen=True, slots=True)
class Deleted:
    deleted_count: int


@dataclass(slots=True)
class MemoryStore:
    """All collections, by name."""

    tables: dict[str, Table] = field(default_factory=dict)

    def copy(self) -> MemoryStore:
        """An independent snapshot."""
        return MemoryStore({name: t.copy() for name, t in self.tables.items()})

    def table(self, name: str) -> Table:
        if name not in self.tables:
            self.tables[name] = Table(name)
        return self.tables[name]

    # --- reading --------------------------------------------------------------------------------

    def find(
        self,
        name: str,
        query: Mapping[str, Any],
        projection: Mapping[str, Any] | None = None,
        order: Sequence[tuple[str, int]] = (),
        skip: int = 0,
        limit: int = 0,
    ) -> list[Document]:
        """The matching documents, in the given order, else in the order of insertion."""
        documents = self._in_order(name, query, order)
        documents = documents[skip : skip + limit if limit else None]
        return [projected(document, projection) for document in documents]

    def _in_order(
        self, name: str, query: Mapping[str, Any], order: Sequence[tuple[str, int]]
    ) -> list[Document]:
        documents = list(self._matching(name, query))
        for path, direction in reversed(order):
            documents.sort(key=lambda d: _place(d, path, direction), reverse=direction < 0)
        return documents

    def _matching(self, name: str, query: Mapping[str, Any]) -> Iterator[Document]:
        documents, query = self.table(name).documents, stored(query)
        id = query.get("_id", MISSING)
        if isinstance(id, str):  # by far the most queries
            candidate = documents.get(id)
            if candidate is not None and matches(candidate, query):
                yield candidate
            return
        for document in list(documents.values()):
            if matches(document, query):
                yield document

    def count(self, name: str, query: Mapping[str, Any]) -> int:
        return sum(1 for _ in self._matching(name, query))

    # --- writing --------------------------------------------------------------------------------

    def insert_many(
        self, name: str, documents: Sequence[Document], *, ordered: bool = False
    ) -> None:
        """Inserts each document on its own; if ``ordered``, only those before the first that does
        not fit. Raises: BulkWriteError."""
        errors = []
        for index, document in enumerate(documents):
            try:
                self.table(name).insert(stored(document))
            except DuplicateKeyError as error:
                errors.append({"index": index, **(error.details or {})})
                if ordered:
                    break
        if errors:
            raise BulkWriteError({"writeErrors": errors, "writeConcernErrors": []})

    def insert_one(self, name: str, document: Document) -> None:
        """Raises: DuplicateKeyError."""
        self.table(name).insert(stored(document))

    def find_one_and_update(
        self,
        name: str,
        query: Mapping[str, Any],
        update: Any,
        projection: Mapping[str, Any] | None = None,
        upsert: bool = False,
        after: bool = False,
        order: Sequence[tuple[str, int]] = (),
    ) -> Document | None:
        """Updates the first match in the given order. Returns the document before or ``after`` the
        update; None if there was none.

        Raises: DuplicateKeyError.
        """
        old = next(iter(self._in_order(name, query, order)), None)
        if old is None and not upsert:
            return None
        new = updated(old, update) if old is not None else stored(upserted(query, update))
        table = self.table(name)
        if old is None:
            table.insert(new)
        else:
            table.put(new)
        result = new if after else old
        return projected(result, projection) if result is not None else None

    def update(
        self,
        name: str,
        query: Mapping[str, Any],
        update: Any,
        *,
        many: bool = False,
        upsert: bool = False,
    ) -> Changed:
        """Updates the first match, or all with ``many``. Raises: DuplicateKeyError."""
        matching = list(self._matching(name, query))
        if not matching and upsert:
            new = upserted(query, update)
            self.table(name).insert(new)
            return Changed(upserted_id=new["_id"])
        changed = 0
        for old in matching if many else matching[:1]:
            new = updated(old, update)
            if new != old:
                self.table(name).put(new)
                changed += 1
        return Changed(len(matching) if many else min(1, len(matching)), changed)

    def delete(self, name: str, query: Mapping[str, Any], *, many: bool = False) -> Deleted:
        matching = list(self._matching(name, query))
        matching = matching if many else matching[:1]
        for document in matching:
            self.table(name).remove(document["_id"])
        return Deleted(len(matching))


def _place(document: Document, path: str, direction: int) -> tuple[int, Any]:
    """The document's sort key. An array counts by its smallest item or, descending, by its
    greatest."""
    value = field_of(document, path)
    if isinstance(value, list):
        pick = min if direction > 0 else max
        return pick((sort_key(item) for item in value), default=sort_key(None))
    return sort_key(value)
