"""The tables about the synthetic images themselves, laid out for the report."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from synthpath_kedro.report.labels import model_label, number

_MEASURES = {
    "near_duplicates": "near-duplicates, share",
    "median_distance": "median distance",
    "authenticity": "authenticity",
    "membership_auc": "membership inference, AUC",
}

_FIDELITY = {
    "frechet_distance": "Fréchet distance",
    "kernel_distance": "kernel distance",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}


def fidelity(table: pd.DataFrame) -> pd.DataFrame:
    """Every candidate against every reference."""
    shown = table[["reference", "candidate", "n", *_FIDELITY]].rename(columns=_FIDELITY)
    if shown["Fréchet distance"].isna().all():
        shown = shown.drop(columns="Fréchet distance")
    names = {name: shown[name].str.replace("_", " ") for name in ("reference", "candidate")}
    return shown.assign(**names, **{"kernel distance": shown["kernel distance"].map(_distance)})


def fidelity_by_class(table: pd.DataFrame) -> pd.DataFrame:
    """Kernel distance: a row per class, a column a pair of sets, with n of both."""
    columns: dict[str, Any] = {"class": list(table["class"].unique())}
    for (reference, candidate), rows in table.groupby(["reference", "candidate"], sort=False):
        name = f"{candidate} to {reference}".replace("_", " ")
        counts = zip(rows["kernel_distance"], rows["n_candidate"], rows["n_reference"], strict=True)
        columns[name] = [f"{_distance(distance)} (n {n:,} / {other:,})" for distance, n, other in counts]
    return pd.DataFrame(columns)


def fidelity_caption(table: pd.DataFrame) -> str:
    """In which features, and what the figures are."""
    row = table.iloc[0]
    singular = " There is no Fréchet distance: n does not exceed the dimensions of the features."
    return (
        f"In features of {model_label(row['extractor'])} ({row['weights']} weights, {row['input_size']} pixels), "
        f"{row['n']:,} images of each set. Distances: 0 is alike; the kernel distance may fall below 0. Precision: "
        "share of candidates among the reference images; recall: share of reference images among the candidates; "
        "density and coverage: 1 is alike. Real training images are the reference: no generator should be expected to "
        "come nearer." + (singular if table["frechet_distance"].isna().any() else "")
    )


def privacy(table: pd.DataFrame) -> pd.DataFrame:
    """One row per measure, with the same figure of held-out images beside it."""
    named = table.assign(measure=table["measure"].map(_MEASURES), interval=table.apply(_interval, axis=1))
    columns = {
        "space": "space",
        "measure": "measure",
        "value": "synthetic",
        "held_out": "held out",
        "interval": "95 % interval",
        "p": "p",
        "finding": "finding",
    }
    shown = named[list(columns)].rename(columns=columns)
    return shown.fillna({"finding": ""})


def privacy_caption(table: pd.DataFrame, data_card: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """How many images were searched, and what the figures are."""
    searched = []
    for space in ("pixels", "features"):
        row = table[table["space"] == space].iloc[0]
        left_out = row["n_train"] < data_card["splits"]["train"]["n"]
        searched.append(
            f"in {space} {int(row['n']):,} of {manifest['total']:,} synthetic images were sought among "
            f"{int(row['n_train']):,} of {data_card['splits']['train']['n']:,} training images"
            + (" (drawn at random: a copy of an image that was left out is not seen)" if left_out else "")
        )
    loss = table[table["measure"] == "membership_auc"].iloc[0]
    return (
        f"Nearest training images: {'; '.join(searched)}. Held out: {int(row['n_held_out']):,} validation images. "
        "A near-duplicate is nearer to a training image than the nearest 1 % of held-out images are (than the "
        "nearest one "
        "that is no copy itself, where held-out images have copies among the training images); authenticity is the "
        "share of images that are farther from their nearest training image than that one is from its own. Distances "
        "in pixels are RMS differences in gray levels. Membership inference: how often a training image has a lower "
        f"loss under the denoiser than a held-out one ({int(loss['n_train']):,} and {int(loss['n_held_out']):,} "
        "images); 0.5 is chance."
    )


def _distance(value: float) -> str:
    return number(value, digits=4)


def _interval(row: pd.Series) -> str:
    return "" if pd.isna(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
