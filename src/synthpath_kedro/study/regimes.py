"""The regimes: what the training batches of a cell hold. A new one is a line here."""

from dataclasses import dataclass
from fractions import Fraction

from synthpath_kedro.study.table import Table

_WORDS = {Fraction(1, 4): "a quarter", Fraction(1, 3): "a third", Fraction(1, 2): "half", Fraction(3, 4): "3 quarters"}


@dataclass(frozen=True)
class Regime:
    """What a classifier trains on.

    Attributes:
        name: in parameters, paths and tables.
        label: in print.
        synthetic_share: of every batch, 0 to 1; None: the parameter ``classification.mixing_ratio``.
        subject: of a sentence about it against its baseline: "Adding {images} to the real ones"; ``{images}`` is
            replaced by what the synthetic images are called, ``{share}`` by their share of every batch. "": made from
            the label.
        extended: an epoch has 1 / (1 - ``classification.mixing_ratio``) times as many images and steps as that of the
            other regimes.
        balanced: the real images are drawn so that each class comes equally often.
        augment: random flips and quarter turns of every training image.
        baseline: name of the regime that it is compared with; None for none.
        color: of its lines and points.
        marker: of its points (matplotlib).
    """

    name: str
    label: str
    synthetic_share: float | None
    subject: str = ""
    extended: bool = False
    balanced: bool = False
    augment: bool = False
    baseline: str | None = None
    color: str = "#6b7280"
    marker: str = "D"

    @property
    def uses_synthetic(self) -> bool:
        """Whether a cell of this regime needs a synthetic set."""
        return self.synthetic_share != 0

    @property
    def is_control(self) -> bool:
        """Whether its comparison is a control: what is gained without any synthetic image."""
        return self.baseline is not None and not self.uses_synthetic

    @property
    def reads_mixing_ratio(self) -> bool:
        """Whether ``classification.mixing_ratio`` decides anything under it."""
        return self.synthetic_share is None or self.extended

    def share(self, mixing_ratio: float) -> Fraction:
        """The synthetic share of every batch, where ``mixing_ratio`` is that of a mixed one."""
        return Fraction(str(mixing_ratio if self.synthetic_share is None else self.synthetic_share))

    def length(self, mixing_ratio: float) -> Fraction:
        """Images and steps of an epoch, as a multiple of those of the regime real."""
        return 1 / (1 - Fraction(str(mixing_ratio))) if self.extended else Fraction(1)

    def sentence_subject(self, synthetic_set: str = "", mixing_ratio: float | None = None) -> str:
        """What is done under this regime, as the subject of a sentence.

        Args:
            synthetic_set: named where a study has several; "" where it need not be.
            mixing_ratio: the study's; None: not known, so that no share is named.
        """
        images = f"synthetic images ({synthetic_set})" if synthetic_set else "synthetic images"
        share = "a share" if mixing_ratio is None else _in_words(self.share(mixing_ratio))
        return (self.subject or f"Training under the regime {self.label}").format(images=images, share=share)


def _in_words(share: Fraction) -> str:
    return _WORDS.get(share, f"{float(100 * share):g} %")


REGIMES = Table(
    "regime",
    Regime("real", "real", 0, "Training on real images", color="#2936a6", marker="o"),
    Regime("synthetic", "synthetic", 1, "Training on {images} alone", baseline="real", color="#d8741a", marker="s"),
    Regime(
        "mixed",
        "mixed",
        None,
        "Replacing {share} of every batch by {images}",
        baseline="real",
        color="#0f8a7d",
        marker="^",
    ),
    Regime(
        "real_augmented",
        "augmented real",
        0,
        "Augmenting the real images",
        augment=True,
        baseline="real",
        color="#7b86d6",
        marker="P",
    ),
    Regime(
        "mixed_augmented",
        "augmented mixed",
        None,
        "Replacing {share} of every augmented batch by {images}",
        augment=True,
        baseline="real_augmented",
        color="#6cc7bd",
        marker="X",
    ),
    Regime(
        "real_plus_synthetic",
        "real + synthetic",
        None,
        "Adding {images} to the real ones",
        extended=True,
        baseline="real_repeated",
        color="#a3356f",
        marker="D",
    ),
    Regime(
        "real_repeated",
        "repeated real",
        0,
        "Repeating the real images for more steps",
        extended=True,
        baseline="real",
        color="#8a8fa3",
        marker="v",
    ),
    Regime(
        "real_balanced",
        "class-balanced real",
        0,
        "Sampling every class of the real images equally often",
        balanced=True,
        baseline="real",
        color="#5a7d2b",
        marker="<",
    ),
)
