"""What a class may be called: anything that can be shown in one line, in one Unicode form."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Sequence

from synthpath_kedro.errors import InputError

log = logging.getLogger(__name__)

_UNSHOWN = ("Cc", "Cs")
"""Unicode categories of control characters, and of bytes that are no text."""


def check_class_names(names: Sequence[str], where: str) -> tuple[str, ...]:
    """The names in Unicode's composed form (NFC), so that the same letters are the same name; said where one changes.

    Args:
        names: one per class, in label order.
        where: the file or folder that they stand in, for messages.

    Raises:
        InputError: a name is blank, holds control characters or bytes that are no text, or two are the same.
    """
    composed = tuple(composed_name(name) for name in names)
    for name in names:
        if not name.strip() or any(unicodedata.category(character) in _UNSHOWN for character in name):
            raise InputError(
                f"{where}: the class name '{printable(name)}' is blank or holds control characters or bytes that are "
                "no text; rename the class"
            )
    if repeated := [name for name, count in Counter(composed).items() if count > 1]:
        raise InputError(
            f"{where}: {len(repeated)} class name(s) stand there twice ({printable(', '.join(repeated[:5]))}), perhaps "
            "written in other Unicode characters; merge or rename the classes"
        )
    if changed := [name for name, given in zip(composed, names, strict=True) if name != given]:
        log.info("%s: class names normalized to Unicode NFC: %s", where, ", ".join(changed))
    return composed


def composed_name(name: str) -> str:
    """``name`` in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", name)


def printable(text: str) -> str:
    """``text`` with what cannot be shown, such as line ends and marks of direction, written as an escape sequence."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
