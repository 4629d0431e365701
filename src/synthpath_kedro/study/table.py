"""A table of what can be chosen by name: one entry per choice, found once, at the edge."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from synthpath_kedro.errors import InputError


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What parameters, tables and file paths call it."""


Entry = TypeVar("Entry", bound=Named)


class Table(Mapping[str, Entry], Generic[Entry]):
    """Entries by name, in the order in which they were added.

    Args:
        kind: what an entry is, in the singular, for errors: "regime".
        entries: the first entries.
    """

    def __init__(self, kind: str, *entries: Entry) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> Entry:
        """Adds ``entry`` at the end.

        Raises:
            ValueError: the table has another entry of that name.
        """
        if entry.name in self._entries:
            raise ValueError(f"there is a {self.kind} named {entry.name!r} already")
        self._entries[entry.name] = entry
        return entry

    def find(self, name: str) -> Entry:
        """The entry called ``name``.

        Raises:
            InputError: there is none; the message lists the names there are, and the nearest.
        """
        if name in self._entries:
            return self._entries[name]
        hint = nearest_names(name, self._entries)
        raise InputError(f"unknown {self.kind} {name!r}; valid: {', '.join(self._entries)}{hint}")

    @contextmanager
    def extended(self, *entries: Entry) -> Iterator[None]:
        """Inside the block the table holds ``entries`` too."""
        before = dict(self._entries)
        try:
            for entry in entries:
                self.add(entry)
            yield
        finally:
            self._entries = before

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def nearest_names(name: str, names: Collection[str]) -> str:
    """A question that ends an error line: those of ``names`` most like ``name``; "" where none is."""
    found = get_close_matches(name, names, n=3)
    return f"; did you mean {' or '.join(found)}?" if found else ""


def load_attribute(reference: str) -> Any:
    """What ``reference``, such as "package.module:function", names; imported now."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)
