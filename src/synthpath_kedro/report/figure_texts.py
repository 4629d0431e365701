"""What the report says under each figure, in the order of the page."""

from typing import NamedTuple


class FigureText(NamedTuple):
    """What is said about a figure.

    Attributes:
        title: a few words.
        caption: what there is to see.
        alt: the same for a reader who cannot see it.
        shows_real_images: the figure is left out where they must not be shown.
        without_real_images: ends the caption there, of a figure that is drawn without them.
    """

    title: str
    caption: str
    alt: str
    shows_real_images: bool = False
    without_real_images: str = ""


BEFORE_MODELS = {
    "accuracy_by_regime": FigureText(
        "Accuracy by training data",
        "Accuracy on the real test set of every cell; a point is a replicate.",
        "Accuracy of each classifier trained on real, synthetic and mixed images",
    ),
}
"""Figures that stand before those of the single models."""

AFTER_MODELS = {
    "f1_by_class": FigureText(
        "F1 by class",
        "On the real test set, mean over replicates; the class with the fewest training images first, classes "
        "that were subsampled on purpose marked.",
        "F1 of each class under every regime, for each classifier",
    ),
    "reliability": FigureText(
        "Reliability",
        "Accuracy against confidence on the real test set, over all replicates, in bins of equal width; a larger "
        "marker stands for more images. On the diagonal confidence is right, below it too high. Below: after "
        "temperature scaling on the validation images.",
        "Reliability diagrams of every classifier, before and after temperature scaling",
    ),
    "robustness": FigureText(
        "Robustness",
        "Accuracy under each attack, for every cell; a point is a replicate.",
        "Accuracy of each cell under random noise, FGSM and BIM",
    ),
    "robustness_curves": FigureText(
        "Accuracy against the attack's budget",
        "Mean over replicates; the band reaches from the worst to the best replicate. The curves begin at the accuracy "
        "on the same images, not attacked.",
        "Accuracy of each cell against the budget of random noise, FGSM and BIM",
    ),
    "real_and_synthetic": FigureText(
        "Real and synthetic images",
        "A column per class: real training images on the left, synthetic ones on the right.",
        "Real and synthetic images side by side, class by class",
        shows_real_images=True,
    ),
    "closest_pairs": FigureText(
        "Synthetic images nearest to a training image",
        "The most suspicious pairs of the search, each training image once, with their distance. Likeness alone is no "
        "copy: held-out real images are near training images too (see the privacy table).",
        "Pairs of synthetic images and their nearest training images",
        without_real_images=" The training images are not shown (report.embed_real_images is off).",
    ),
    "nearest_distances": FigureText(
        "Distance to the nearest training image",
        "Of synthetic images, and of held-out real images, which the denoiser has not seen. Copies would stand at the "
        "left, apart from the held-out images.",
        "Densities of the distance to the nearest training image, for synthetic and held-out images",
    ),
    "sample_grid": FigureText(
        "Training images",
        "Nine images of each class.",
        "Nine real training images of each class",
        shows_real_images=True,
    ),
    "class_distribution": FigureText(
        "Class distribution",
        "Images of each class in the training, validation and test set.",
        "Bar chart of images by class and set",
    ),
    "denoiser_loss": FigureText(
        "Training of the denoiser",
        "Loss by epoch; the validation loss is on the same noise in every epoch.",
        "Training and validation loss of the denoiser by epoch",
    ),
    "denoiser_samples": FigureText(
        "Samples during training",
        "Images sampled from the averaged weights as training went on; the same noise in every row.",
        "Sampled images of each class after several epochs",
    ),
}
"""Figures that stand behind those of the single models."""
