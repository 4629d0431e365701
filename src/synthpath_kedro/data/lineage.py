"""Where artifacts come from: what is combined must come from the same data, and a phantom must be called one."""

from collections.abc import Mapping

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.errors import InputError

PHANTOM_NOTE = "Digital phantom, not tissue"

_DIGITS = 12


def check_same_data(cards: Mapping[str, Card]) -> None:
    """Checks that artifacts were made from one prepared data set and, as far as they need any, one synthetic set.

    Args:
        cards: by artifact name; each holds under "prepared" the digest of the prepared data it comes from, and, unless
            it does without, under "synthetic" that of the synthetic set called "set", under "synthetic_sets" those of
            several sets by name, and under "checkpoint" that of the denoiser.

    Raises:
        InputError: two artifacts come from different data; both are named.
    """
    _check_same(cards, "prepared", "data", "run the pipelines from data_prep on again")
    sampled = {name: card for name, card in cards.items() if card.get("checkpoint")}
    _check_same(sampled, "checkpoint", "denoiser", "run the pipelines from synthesis on again")
    for synthetic_set in dict.fromkeys(one for card in cards.values() for one in _sets(card)):
        digests = {name: _sets(card)[synthetic_set] for name, card in cards.items() if synthetic_set in _sets(card)}
        what = f"synthetic images ({synthetic_set})" if synthetic_set else "synthetic images"
        cards_of_set = {name: {"synthetic": digest} for name, digest in digests.items()}
        _check_same(cards_of_set, "synthetic", what, "run the pipelines classification and evaluation again")


def _sets(card: Card) -> dict[str, str]:
    """Digests of the synthetic sets that something was made from, by name."""
    own = {card.get("set", ""): card["synthetic"]} if card.get("synthetic") else {}
    return {**card.get("synthetic_sets", {}), **own}


def check_same_classifier(cards: Mapping[str, Card]) -> None:
    """Checks that one trained classifier made everything.

    Args:
        cards: by artifact name; each holds under "classifier" the digest of the cell's weights.

    Raises:
        InputError: two artifacts come from different classifiers; both are named.
    """
    _check_same(cards, "classifier", "classifier", "run kedro run --pipelines=evaluation again")


def _check_same(cards: Mapping[str, Card], key: str, what: str, way_out: str) -> None:
    digests = [(name, str(card.get(key))[:_DIGITS]) for name, card in cards.items()]
    for name, digest in digests[1:]:
        first_name, first = digests[0]
        if digest != first:
            raise InputError(
                f"{first_name} was made from {what} {first}, {name} from {what} {digest}; they cannot be combined: "
                f"{way_out}, or load matching versions with --load-versions"
            )


def cell_name(card: Card) -> str:
    """The cell that made something, in words: "clip/mixed/diffusion"."""
    return "/".join([card["model"], card["regime"], *filter(None, [card.get("set")])])


def source_note(card: Card) -> str | None:
    """What a reader of anything made from this data must be told, if anything."""
    return PHANTOM_NOTE if card.get("phantom") else None
