import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.fidelity_tables import fidelity_per_class, fidelity_scores
from synthpath_kedro.metrics.fidelity import kernel_distance


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    card = {"extractor": "e", "weights": "ImageNet", "key": {"input_size": 32}, "class_names": ["a", "b"]}

    def draw(n, shift):
        labels = np.arange(n) % 2
        return Artifact({"features": rng.normal(shift, 1, (n, 4)).astype(np.float32), "labels": labels}, card)

    return {"real_train": draw(80, 0), "real_val": draw(60, 0), "real_test": draw(40, 0.2), "synthetic": draw(90, 2)}


def test_synthetic_and_the_reference_stand_against_both_references_at_equal_n(features):
    table = fidelity_scores(features, seed=0)
    assert table[["reference", "candidate", "extractor", "n"]].to_numpy().tolist() == [
        ["real_val", "synthetic", "e", 40],
        ["real_val", "real_train", "e", 40],
        ["real_test", "synthetic", "e", 40],
        ["real_test", "real_train", "e", 40],
    ]
    distances = table.set_index(["reference", "candidate"])["frechet_distance"]
    assert distances["real_val", "synthetic"] > 10 * distances["real_val", "real_train"]


def test_rows_begin_like_those_of_cells_and_the_reference_is_nobodys(features):
    table = fidelity_scores(features, seed=0)
    assert table.iloc[:2, :5].to_numpy().tolist() == [
        ["denoiser", "synthetic", 0, "ImageNet", 40],
        ["none", "real", 0, "ImageNet", 40],
    ]


def test_each_class_is_compared_with_itself(features):
    table = fidelity_per_class(features)
    row = table.query("reference == 'real_val' and candidate == 'synthetic'").iloc[1]
    a, b = features["real_val"].tensors["features"][1::2], features["synthetic"].tensors["features"][1::2]
    assert row["class"] == "b"
    assert (row["n_reference"], row["n_candidate"]) == (30, 45)
    assert row["kernel_distance"] == pytest.approx(kernel_distance(a, b))
