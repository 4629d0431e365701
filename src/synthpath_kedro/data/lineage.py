"""Where artifacts come from: what is combined must come from the same data, and a phantom must be called one."""

from collections.abc import Callable, Mapping

from pydantic import ConfigDict, Field

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.data.metadata import Metadata
from synthpath_kedro.errors import InputError

PHANTOM_NOTE = "Digital phantom, not tissue"

_DIGITS = 12


class Lineage(Metadata):
    """What an artifact was made from, as far as it needs any of these.

    Attributes:
        prepared: digest of the prepared data.
        phantom: the real images are rendered, not taken from patients.
        set: name of the synthetic set; "" for none.
        synthetic: digest of that set.
        synthetic_sets: digests of several sets by name.
        checkpoint: digest of the denoiser.
        classifier: digest of a cell's weights.
        autoencoder: digest of the autoencoder whose latents or reconstructions it needs.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    prepared: str | None = None
    phantom: bool = False
    set: str = ""
    synthetic: str | None = None
    synthetic_sets: dict[str, str] = Field(default_factory=dict)
    checkpoint: str | None = None
    classifier: str | None = None
    autoencoder: str | None = None

    @property
    def all_sets(self) -> dict[str, str]:
        """Digests of every synthetic set that it was made from, by name."""
        return self.synthetic_sets | ({self.set: self.synthetic} if self.synthetic else {})


def check_same_data(cards: Mapping[str, Card]) -> None:
    """Checks that artifacts were made from one prepared data set and, as far as they need any, one synthetic set.

    Args:
        cards: by artifact name; each holds what ``Lineage`` reads.

    Raises:
        InputError: two artifacts come from different data; both are named.
    """
    lineages = _read(cards)
    _check_same(lineages, lambda one: one.prepared, "data", "run the pipelines from data_prep on again")
    sampled = {name: one for name, one in lineages.items() if one.checkpoint}
    _check_same(sampled, lambda one: one.checkpoint, "denoiser", "run the pipelines from synthesis on again")
    encoded = {name: one for name, one in lineages.items() if one.autoencoder}
    _check_same(encoded, lambda one: one.autoencoder, "autoencoder", "run the pipelines from diffusion on again")
    for synthetic_set in dict.fromkeys(one for lineage in lineages.values() for one in lineage.all_sets):
        users = {name: one for name, one in lineages.items() if synthetic_set in one.all_sets}
        what = f"synthetic images ({synthetic_set})" if synthetic_set else "synthetic images"
        hint = "run the pipelines classification and evaluation again"
        _check_same(users, lambda one, name=synthetic_set: one.all_sets[name], what, hint)  # type: ignore[misc]


def check_same_classifier(cards: Mapping[str, Card]) -> None:
    """Checks that one trained classifier made everything.

    Args:
        cards: by artifact name; each holds under "classifier" the digest of the cell's weights.

    Raises:
        InputError: two artifacts come from different classifiers; both are named.
    """
    hint = "run kedro run --pipelines=evaluation again"
    _check_same(_read(cards), lambda one: one.classifier, "classifier", hint)


def _read(cards: Mapping[str, Card]) -> dict[str, Lineage]:
    return {name: Lineage.from_json(card) for name, card in cards.items()}


def _check_same(
    lineages: Mapping[str, Lineage], digest_of: Callable[[Lineage], str | None], what: str, hint: str
) -> None:
    digests = [(name, str(digest_of(one))[:_DIGITS]) for name, one in lineages.items()]
    for name, digest in digests[1:]:
        first_name, first = digests[0]
        if digest != first:
            raise InputError(
                f"{first_name} was made from {what} {first}, {name} from {what} {digest}; they cannot be combined: "
                f"{hint}, or load matching versions with --load-versions"
            )


def source_note(*, phantom: bool) -> str | None:
    """What a reader of anything made from this data must be told, if anything."""
    return PHANTOM_NOTE if phantom else None
