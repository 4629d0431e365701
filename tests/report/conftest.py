from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.comparison_tables import comparison_table
from synthpath_kedro.evaluation.conformal_tables import conformal_table
from synthpath_kedro.evaluation.corruption_tables import (
    corruption_comparison_table,
    corruption_means_table,
    corruptions_table,
)
from synthpath_kedro.evaluation.cross_validation_tables import cross_validation_comparison
from synthpath_kedro.evaluation.generator_tables import generators_table
from synthpath_kedro.evaluation.selective_tables import risk_coverage_table, selective_table
from synthpath_kedro.metrics.calibration import CALIBRATION_METRICS
from synthpath_kedro.parameters import Parameters
from synthpath_kedro.report.figures.style import blank_figure, png_bytes
from synthpath_kedro.study.grid import Cell

MODELS = ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")
REGIMES = ("real", "synthetic", "mixed")
NAMES = ("adipose", "<b>mucus</b> & 'co'", "stroma")


_ON_CURVE = ["model", "regime", "set", "n_train"]


def scores(cells):
    """Two replicates of each (model, regime, set)."""
    places = {"real": 0, "synthetic": 1, "mixed": 2}
    rows = [
        {
            "model": model,
            "regime": regime,
            "set": synthetic_set,
            "replicate": replicate,
            "weights": "pretrained" if model == "efficientnet_lite0" else "random",
            "n": 540,
            "accuracy": 0.8 + 0.01 * places.get(regime, 3) + 0.02 * replicate,
            "macro_f1": 0.7 + 0.02 * replicate,
            "auc": 0.9 + 0.02 * replicate,
        }
        for model, regime, synthetic_set in cells
        for replicate in range(2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def classification():
    """Two replicates a cell; everything but (clip, mixed)."""
    pairs = [(m, r) for m in MODELS for r in REGIMES if (m, r) != ("clip", "mixed")]
    return scores([(m, r, "" if r == "real" else "diffusion") for m, r in pairs])


def colors_of(*sets):
    """The color baseline of a study of ``sets``."""
    cells = [("real", "", 0.5), *((regime, name, 0.25) for regime in ("synthetic", "mixed") for name in sets)]
    shared = {"replicate": 0, "weights": "none", "n": 540, "variant": "regression", "macro_f1": 0.4, "auc": 0.75}
    return pd.DataFrame(
        [
            {"model": "color", "regime": regime, "set": name, "accuracy": accuracy} | shared
            for regime, name, accuracy in cells
        ]
    )


@pytest.fixture
def color_baseline():
    return colors_of("diffusion")


@pytest.fixture
def synthetic_as_test(classification):
    changes = {f"{metric}_change": -0.05 for metric in ("accuracy", "macro_f1", "auc")}
    return classification[classification["regime"] == "real"].assign(tested_on="diffusion", **changes)


@pytest.fixture
def robustness(classification):
    attacks = [
        classification.assign(
            attack=attack, eps=8 / 255, clean_accuracy=classification["accuracy"], change=-loss, n=180
        ).assign(accuracy=classification["accuracy"] - loss)
        for attack, loss in (("uniform_noise", 0.01), ("fgsm", 0.3), ("bim", 0.5))
    ]
    return pd.concat(attacks, ignore_index=True)


@pytest.fixture
def history(classification):
    epochs = classification[["model", "regime", "set", "replicate"]].merge(
        pd.DataFrame({"epoch": range(4)}), how="cross"
    )
    return epochs.assign(
        train_loss=np.exp(-epochs["epoch"]), val_loss=np.exp(-epochs["epoch"]) + 0.1, val_accuracy=0.2 * epochs["epoch"]
    )


@pytest.fixture
def base_values(project: Path) -> dict:
    """All of conf/base's parameters, as plain nested values."""
    values: dict = {}
    for file in sorted((project / "conf/base").glob("parameters*.yml")):
        values |= yaml.safe_load(file.read_text())
    return values


@pytest.fixture
def predictions_of():
    """Builds a cell's predictions: two replicates on 30 images, wrong on so many of them."""
    labels = np.arange(30) % 3

    def build(model: str, regime: str, synthetic_set: str, *errors: int) -> Artifact:
        answers = np.tile(labels, (len(errors), 1))
        for replicate, n in enumerate(errors):
            answers[replicate, :n] = (answers[replicate, :n] + 1) % 3
        probabilities = np.eye(3, dtype=np.float32)[answers]
        card = {"model": model, "regime": regime, "set": synthetic_set, "weights": "random", "variant": "small"}
        tensors = {"real_test": probabilities, "real_test_labels": labels}
        tensors |= {"real_val": probabilities, "real_val_labels": labels}
        return Artifact(tensors, card | {"class_names": list(NAMES), "license": "apache-2.0", "parameters": {}})

    return build


def attack_summary_of(classification):
    """Of every cell; noise halves no accuracy, the others do at 3.4/255."""
    cells = classification.query("replicate == 0").assign(replicate="all", n=180, variant="v", largest_eps=8 / 255)
    losses = (("uniform_noise", 0.01, np.inf), ("fgsm", 0.3, 3.4 / 255), ("bim", 0.5, 3.4 / 255))
    parts = [
        cells.assign(attack=attack, eps=8 / 255, accuracy=cells["accuracy"] - loss, eps_halved=halved)
        for attack, loss, halved in losses
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(ci_low=table["accuracy"] - 0.1, ci_high=table["accuracy"] + 0.1)


def masking_of(classification):
    """One replicate of every cell; those of CLIP are masked."""
    first = classification.query("replicate == 0").assign(n=18, clean_accuracy=0.8)
    signs = np.where(first["model"] == "clip", "a budget of 32/255 still leaves 0.40 of accuracy", "")
    return first.assign(one_step=0.3, iterated=0.1, large=0.0, black_box=0.5, signs=signs)


def corrupted_of(predictions_of, model, regime, synthetic_set, *errors):
    """A cell's answers to corrupted images: two levels of stain, one of blur, each five more wrong than the last."""

    def answers(more):
        return predictions_of(model, regime, synthetic_set, *(n + more for n in errors)).tensors["real_test"]

    clean = predictions_of(model, regime, synthetic_set, *errors)
    tensors = {"clean": answers(0), "labels": clean.tensors["real_test_labels"], "rows": np.arange(30)}
    tensors |= {"stain": np.stack([answers(5), answers(10)]), "blur": answers(15)[None]}
    return Artifact(tensors, clean.card | {"corruption_levels": {"stain": [0.5, 1.0], "blur": [2.0]}})


def fidelity_of(*sets):
    """Of each (set, distance): the same distance in every measure, and for every class."""
    means = [f"{measure}_of_classes" for measure in ("kernel_distance", "stain", "texture")]
    rows = [
        {"set": name, "reference": reference, "class": one, "measure": measure, "value": value, "n": n}
        for reference in ("real_val", "real_test")
        for name, distance in (*sets, ("real_train", 1e-5))
        for classes, measures, value, n in (
            (("",), ("frechet_distance",), np.nan, 165),
            (("",), ("kernel_distance", "stain", "texture"), distance, 165),
            (("",), ("recall",), 0.5, 165),
            (("",), means, distance, 900),
            (NAMES, ("kernel_distance", "stain", "texture"), distance, 300),
        )
        for measure in measures
        for one in classes
    ]
    facts = {"extractor": "efficientnet_lite0", "weights": "ImageNet", "input_size": 64, "n_reference": 165}
    return pd.DataFrame(rows).assign(ci_low=np.nan, ci_high=np.nan, **facts)


def privacy_of(*sets, membership=True):
    shared = {
        "n_held_out": 50,
        "n": 90,
        "p": 0.5,
        "held_out": 0.01,
        "suspects": 9,
        "alarm": False,
        "upper_bound": np.nan,
    }
    rows = []
    for name in sets:
        for space, n_train in (("any", 1000), ("pixels", 1000), ("features", 400)):
            copies = {"measure": "near_duplicates", "value": 0.1, "space": space, "n_train": n_train}
            alarm = {"alarm": True, "upper_bound": 0.166} if space == "any" else {"alarm": pd.NA, "p": np.nan}
            rows.append({"set": name} | shared | copies | alarm)
        nothing = {"measure": "authenticity", "value": 0.9, "p": np.nan, "alarm": pd.NA, "suspects": pd.NA}
        rows.append({"set": name} | shared | {"space": "features", "n_train": 1000} | nothing)
        if membership:
            auc = {"measure": "membership_auc", "space": "denoiser loss", "n_train": 20, "n_held_out": 30, "value": 0.6}
            ends = {"ci_low": 0.5, "ci_high": 0.7, "held_out": 0.5, "p": np.nan, "n": pd.NA, "suspects": pd.NA}
            rows.append({"set": name} | shared | auc | ends)
            tpr = {"measure": "membership_tpr", "value": 0.02, "held_out": 0.01, "ci_low": 0.0, "ci_high": 0.04}
            rows.append(rows[-1] | tpr)
    table = pd.DataFrame(rows).reindex(columns=[*rows[0], "ci_low", "ci_high"] if not membership else None)
    return table.astype({"alarm": "boolean", "n": "Int64", "suspects": "Int64"})


@pytest.fixture
def evidence(
    base_values,
    classification,
    color_baseline,
    synthetic_as_test,
    robustness,
    predictions_of,
    data_card,
    generator_card,
):
    """Everything that the report of a study of one set is made from; the cell (clip, mixed) is missing."""
    parameters = Parameters.model_validate(
        base_values | {"seed": 7, "report": base_values["report"] | {"embed_real_images": True}}
    )
    counts = dict(zip(NAMES, (3, 2, 4), strict=True))
    split = {"n": 1000, "counts": counts, "digest": "cd" * 32}
    picture = png_bytes(blank_figure("Picture", None, "pixels"))
    named = [("cnn", "real", "", 12, 13), ("cnn", "mixed", "diffusion", 2, 3), ("clip", "real", "", 10, 10)]
    cells = [predictions_of(*cell) for cell in named]
    control = robustness.assign(control=True, pixel_space_change=-0.01, n=18)
    errors = dict.fromkeys(CALIBRATION_METRICS, 0.2)
    scaled = {f"{name}_scaled": 0.1 for name in errors}
    classes = pd.concat([classification.assign(**{"class": name}, f1=0.5) for name in NAMES])
    corrupted = [corrupted_of(predictions_of, *cell) for cell in named]
    metrics = ("accuracy", "macro_f1", "auc", "balanced_accuracy", "mcc")
    bins = {"n_bin": 4, "confidence": 0.75, "accuracy": 0.5}
    fidelity = fidelity_of(("diffusion", 1.5))
    privacy = privacy_of("diffusion")
    comparison = comparison_table(cells, 0.02)
    on_curve = [("cnn", "real", ""), ("cnn", "mixed", "diffusion")]
    curve = pd.DataFrame([(*cell, n) for n in (100, 1000) for cell in on_curve], columns=_ON_CURVE)
    curve = curve.assign(accuracy=0.7, ci_low=0.6, ci_high=0.8, replicates=2, n=540)
    worth = curve[curve["set"] != ""].assign(baseline="real", worth=[310.4, np.inf], least=[0, -900], most=[900, 0])
    worth = worth.assign(ci_low=[-np.inf, -12], ci_high=np.inf)
    counted = scores(on_curve).assign(n_train=900, n_synthetic=900, synthetic_per_real=1.0)
    counted.loc[counted["set"] == "", ["n_synthetic", "synthetic_per_real"]] = 0
    folds = pd.concat([scores(on_curve).assign(repeat=0, fold=k, n_train=960, n_test=240) for k in (0, 1, 2)])
    points = pd.DataFrame({"x": [0.0, 1, 2, 3], "y": [1.0, 0, 1, 2], "label": [0, 1, 2, 0]})
    mixing = {"real_share": 0.1, "expected_real_share": 0.5, "class_agreement": 0.75, "real_class_agreement": np.nan}
    return {
        "parameters": parameters,
        "data_card": data_card(
            NAMES,
            name="tiles & more",
            image_size=28,
            parameters={"image_size": 28},
            splits={"train": split, "val": split, "test": split},
        ),
        "class_distribution_figure": picture,
        "sample_grid_figure": picture,
        "denoiser_card": {"digest": "ef" * 32, "parameters": {"max_epochs": 77}},
        "denoiser_loss_figure": picture,
        "denoiser_samples_figure": picture,
        "generator_cards": {
            "diffusion": generator_card(
                NAMES,
                name="diffusion",
                source="diffusion",
                total=900,
                counts=counts,
                parameters={"n_images": 900, "sampler": "heun"},
                seed=7,
                made_from={"checkpoint": "ef" * 32},
            )
        },
        "real_and_synthetic_figures": {"diffusion": picture},
        "classification": classification.assign(zero_shot_val_accuracy=np.nan),
        "color_baseline": color_baseline,
        "intervals": pd.concat(
            [
                classification.query("replicate == 0").assign(metric=metric, mean=0.8, ci_low=0.7, ci_high=0.9)
                for metric in metrics
            ]
        ),
        "comparison": comparison,
        "corruptions": corruptions_table(corrupted),
        "corruption_means": corruption_means_table(corrupted),
        "corruption_comparison": corruption_comparison_table(corrupted, 0.02),
        "per_class": classes,
        "calibration": classification.assign(temperature=1.5, **errors, **scaled),
        "reliability": pd.concat([classification.assign(scaling=name, **bins) for name in ("before", "after")]),
        "selective": selective_table(cells, parameters.evaluation.selective_coverages),
        "risk_coverage": risk_coverage_table(cells),
        "conformal": conformal_table(cells, parameters.evaluation.conformal_coverage),
        "synthetic_as_test": synthetic_as_test,
        "robustness": pd.concat([robustness.assign(control=False), control]),
        "attack_summary": attack_summary_of(classification),
        "masking": masking_of(classification),
        "robustness_curves": pd.concat([robustness.assign(eps=level / 255) for level in (4, 8)]),
        "knn_mixing": classification.assign(**{"class": ""}, beside="diffusion", k=10, **mixing).query(
            "replicate == 0"
        ),
        "fidelity": fidelity,
        "privacy": privacy,
        "planted_copies": pd.DataFrame(
            {
                "disguise": ["none", "turned"],
                "n": 60,
                "pixels": [1.0, 0.9],
                "features": [1.0, 0.5],
                "either": [1.0, 0.95],
            }
        ),
        "generators": generators_table(fidelity, privacy, comparison, classification),
        "cost": pd.DataFrame({"stage": ["Denoiser"], "seconds": [3725.0], "images_per_second": [np.nan]}),
        "run_times": {"a": {"pipeline": "synthesis", "seconds": 3.0}},
        "predictions": cells,
        "tsne": {
            f"{model}/real": points.assign(source=["real_test", "real_test", "diffusion", "diffusion"])
            for model in ("cnn", "clip")
        },
        "closest_pairs_figures": {"diffusion": picture},
        "nearest_distances_figures": {"diffusion": picture},
        "missing_cells": [Cell("clip", "mixed", "diffusion")],
        "learning_curve_intervals": curve,
        "real_images_worth": worth,
        "synthetic_count": counted,
        "cross_validation": folds,
        "cross_validation_comparison": cross_validation_comparison(folds.assign(prepared="ab"), 0.02),
    }


@pytest.fixture
def evidence_of_two_sets(evidence, base_values, predictions_of, generator_card):
    """A study of two synthetic sets made elsewhere, with augmentation beside."""
    values = {
        **base_values,
        "report": {**base_values["report"], "embed_real_images": True},
        "synthesis": {**base_values["synthesis"], "sets": {}},
    }
    for name in ("good", "bad"):
        values["synthesis"]["sets"][name] = {"source": "npz", "path": f"{name}.npz"}
    regimes = [*REGIMES, "real_augmented", "mixed_augmented"]
    values["classification"] = {**base_values["classification"], "models": ["cnn", "clip"], "regimes": regimes}
    parameters = Parameters.model_validate(values)
    cells = [("cnn", "real", ""), ("cnn", "real_augmented", "")]
    cells += [("cnn", regime, name) for regime in ("synthetic", "mixed", "mixed_augmented") for name in ("good", "bad")]
    predictions = [predictions_of(*cell, 8 + k, 8 + k) for k, cell in enumerate(cells)]
    fidelity, privacy = fidelity_of(("bad", 9.0), ("good", 1.0)), privacy_of("good", "bad", membership=False)
    classification, comparison = scores(cells), comparison_table(predictions, 0.02)
    return evidence | {
        "parameters": parameters,
        "classification": classification,
        "color_baseline": colors_of("good", "bad"),
        "comparison": comparison,
        "predictions": predictions,
        "fidelity": fidelity,
        "privacy": privacy,
        "planted_copies": pd.DataFrame(
            {
                "disguise": ["none", "turned"],
                "n": 60,
                "pixels": [1.0, 0.9],
                "features": [1.0, 0.5],
                "either": [1.0, 0.95],
            }
        ),
        "generators": generators_table(fidelity, privacy, comparison, classification),
        "generator_cards": {name: generator_card(NAMES, name=name, total=90) for name in ("good", "bad")},
        "real_and_synthetic_figures": dict.fromkeys(
            ("good", "bad"), evidence["real_and_synthetic_figures"]["diffusion"]
        ),
        "closest_pairs_figures": {},
        "nearest_distances_figures": {},
        "missing_cells": [],
        **dict.fromkeys(("denoiser_card", "denoiser_loss_figure", "denoiser_samples_figure"), None),
    }


@pytest.fixture
def rendered():
    """Builds every section from ``evidence`` and renders the page."""
    from synthpath_kedro.report.page import render_report
    from synthpath_kedro.report.section import build_section
    from synthpath_kedro.report.sections import SECTIONS

    def render(evidence) -> str:
        return render_report({name: build_section(one, evidence) for name, one in SECTIONS.items()}, evidence)

    return render
