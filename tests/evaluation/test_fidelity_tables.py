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

    real = {"real_train": draw(80, 0), "real_val": draw(60, 0), "real_test": draw(40, 0.2)}
    return real, draw(90, 2)


def test_the_set_and_the_reference_stand_against_both_references_at_equal_n(features):
    table = fidelity_scores(*features, "gan", seed=0)
    assert list(table.columns[:8]) == ["set", "reference", "class", "measure", "value", "ci_low", "ci_high", "n"]
    assert set(table["n"]) == {40}
    assert set(table["class"]) == {""}
    distances = table.query("measure == 'frechet_distance'")
    assert distances[["reference", "set", "extractor"]].to_numpy().tolist() == [
        ["real_val", "gan", "e"],
        ["real_val", "real_train", "e"],
        ["real_test", "gan", "e"],
        ["real_test", "real_train", "e"],
    ]
    values = distances.set_index(["reference", "set"])["value"]
    assert values["real_val", "gan"] > 10 * values["real_val", "real_train"]


def test_each_pair_has_a_row_a_measure(features):
    table = fidelity_scores(*features, "gan", seed=0)
    assert table.query("set == 'gan' and reference == 'real_val'")["measure"].tolist() == [
        "frechet_distance",
        "kernel_distance",
        "precision",
        "recall",
        "density",
        "coverage",
    ]


def test_each_class_is_compared_with_itself(features):
    real, synthetic = features
    table = fidelity_per_class(real, synthetic, "gan")
    row = table.query("reference == 'real_val' and set == 'gan'").iloc[1]
    a, b = real["real_val"].tensors["features"][1::2], synthetic.tensors["features"][1::2]
    assert row["class"] == "b"
    assert (row["n_reference"], row["n"]) == (30, 45)
    assert row["value"] == pytest.approx(kernel_distance(a, b))
