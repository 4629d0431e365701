"""Where artefacts come from: what is combined must come from the same data, and a phantom must be called one."""

from collections.abc import Mapping

from synthpath_kedro.data.artefact import Card
from synthpath_kedro.errors import InputError

PHANTOM_NOTE = "Digital phantom, not tissue"

_DIGITS = 12


def check_same_data(cards: Mapping[str, Card]) -> None:
    """Checks that every artefact was made from one prepared data set.

    Args:
        cards: by artefact name; each holds under "prepared" the digest of the prepared data it comes from.

    Raises:
        InputError: two artefacts come from different data; both are named.
    """
    (first, first_card), *others = cards.items()
    for name, card in others:
        if card.get("prepared") != first_card.get("prepared"):
            raise InputError(
                f"{first} was made from data {_short(first_card)}, {name} from data {_short(card)}; they cannot be "
                f"combined: run the pipelines from data_prep on again, or load matching versions with --load-versions"
            )


def _short(card: Card) -> str:
    return str(card.get("prepared"))[:_DIGITS]


def source_note(card: Card) -> str | None:
    """What a reader of anything made from this data must be told, if anything."""
    return PHANTOM_NOTE if card.get("phantom") else None
