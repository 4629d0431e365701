import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report import generator_tables

CARD = {"splits": {"train": {"n": 1000}}}


@pytest.fixture
def fidelity():
    shared = {"extractor": "efficientnet_lite0", "weights": "ImageNet", "input_size": 64, "n": 165}
    distances = {"frechet_distance": np.nan, "kernel_distance": 1e-5}
    shares = dict.fromkeys(("precision", "recall", "density", "coverage"), 0.5)
    return pd.DataFrame([{"reference": "real_val", "candidate": "real_train"} | shared | distances | shares])


@pytest.fixture
def privacy():
    searched = {"n_train": 400, "n_held_out": 50, "n": 90}
    return pd.DataFrame(
        [
            {
                "space": "pixels",
                "measure": "near_duplicates",
                "value": 0.1,
                "held_out": 0.01,
                "finding": "f",
                **searched,
            },
            {
                "space": "features",
                "measure": "authenticity",
                "value": 0.9,
                "held_out": 0.8,
                **searched,
                "n_train": 1000,
            },
            {
                "space": "denoiser loss",
                "measure": "membership_auc",
                "n_train": 20,
                "n_held_out": 30,
                "value": 0.6,
                "low": 0.5,
                "high": 0.7,
            },
        ]
    ).assign(p=np.nan)


def test_a_frechet_distance_that_is_not_defined_is_not_shown_and_the_caption_says_why(fidelity):
    table = generator_tables.fidelity(fidelity)
    assert "Fréchet distance" not in table
    assert table["kernel distance"].item() == "0.0000"
    caption = generator_tables.fidelity_caption(fidelity)
    assert caption.startswith(
        "In features of EfficientNet-Lite0 (ImageNet weights, 64 pixels), 165 images of each set."
    )
    assert caption.endswith("There is no Fréchet distance: n does not exceed the dimensions of the features.")
    known = fidelity.assign(frechet_distance=3.0)
    assert generator_tables.fidelity(known)["Fréchet distance"].item() == 3.0
    assert "no Fréchet" not in generator_tables.fidelity_caption(known)


def test_each_class_stands_beside_the_reference_with_its_n():
    rows = [
        {
            "reference": "real_val",
            "candidate": c,
            "class": name,
            "n_reference": 5,
            "n_candidate": 10,
            "kernel_distance": d,
        }
        for c, d in (("synthetic", 1.5), ("real_train", 0.0))
        for name in ("a", "b")
    ]
    table = generator_tables.fidelity_by_class(pd.DataFrame(rows))
    assert table.to_numpy().tolist() == [
        ["a", "1.5000 (n 10 / 5)", "0.0000 (n 10 / 5)"],
        ["b", "1.5000 (n 10 / 5)", "0.0000 (n 10 / 5)"],
    ]


def test_the_caption_says_what_was_left_out_of_the_search(privacy):
    caption = generator_tables.privacy_caption(privacy, CARD, {"total": 900})
    assert (
        "in pixels 90 of 900 synthetic images were sought among 400 of 1,000 training images (drawn at random"
        in caption
    )
    assert "in features 90 of 900 synthetic images were sought among 1,000 of 1,000 training images." in caption
    assert "(20 and 30 images)" in caption


def test_measures_are_in_words_and_only_the_auc_has_an_interval(privacy):
    table = generator_tables.privacy(privacy)
    assert table["measure"].tolist() == ["near-duplicates, share", "authenticity", "membership inference, AUC"]
    assert table["95 % interval"].tolist() == ["", "", "0.500 to 0.700"]
    assert table["finding"].tolist() == ["f", "", ""]
