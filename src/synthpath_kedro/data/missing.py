"""The one spelling of what is not there: a cell that has not been trained leaves it in place of its results."""

from enum import Enum
from typing import Final


class Missing(Enum):
    """A type with one value, which copies and pickles as itself; Kedro does not save None."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
