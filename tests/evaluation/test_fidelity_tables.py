import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.fidelity_measures import MEASURES, WHOLE_SET
from synthpath_kedro.evaluation.fidelity_tables import fidelity_table, missing_classes
from synthpath_kedro.metrics.fidelity import debiased_frechet_distance, kernel_distance

TENSORS = ("features", "stain", "texture")


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    card = {"extractor": "e", "weights": "ImageNet", "key": {"input_size": 32}, "class_names": ["a", "b"]}

    def draw(n, shift):
        tensors = {name: rng.normal(shift, 1, (n, 4)).astype(np.float32) for name in TENSORS}
        return Artifact({**tensors, "labels": np.arange(n) % 2}, card)

    real = {"real_train": draw(80, 0), "real_val": draw(60, 0), "real_test": draw(40, 0.2)}
    return real, draw(90, 2)


def only(features, kept):
    """The images of ``features`` where ``kept`` is true."""
    return Artifact({name: array[kept] for name, array in features.tensors.items()}, features.card)


def test_the_set_and_the_reference_stand_against_both_references_at_equal_n(features):
    table = fidelity_table(*features, "gan", seed=0)
    assert list(table.columns[:8]) == ["set", "reference", "class", "measure", "value", "ci_low", "ci_high", "n"]
    distances = table.query("measure == 'frechet_distance'")
    assert distances[["reference", "set", "extractor", "n", "n_reference"]].to_numpy().tolist() == [
        ["real_val", "gan", "e", 40, 40],
        ["real_val", "real_train", "e", 40, 40],
        ["real_test", "gan", "e", 40, 40],
        ["real_test", "real_train", "e", 40, 40],
    ]
    values = distances.set_index(["reference", "set"])["value"]
    assert values["real_val", "gan"] > 10 * values["real_val", "real_train"]
    assert table.equals(fidelity_table(*features, "gan", seed=0))


def test_each_pair_has_a_row_per_measure(features):
    table = fidelity_table(*features, "gan", seed=0)
    rows = table.query("set == 'gan' and reference == 'real_val' and `class` == ''")
    assert rows["measure"].tolist() == [*MEASURES, *WHOLE_SET, *(f"{name}_of_classes" for name in MEASURES)]
    assert WHOLE_SET.keys() == {"frechet_distance", "precision", "recall", "density", "coverage"}


def test_each_class_is_compared_with_itself_and_their_mean_is_the_headline(features):
    real, synthetic = features
    table = fidelity_table(real, synthetic, "gan", seed=0).query("reference == 'real_val' and set == 'gan'")
    for measure, tensor, distance in (
        ("kernel_distance", "features", kernel_distance),
        ("stain", "stain", debiased_frechet_distance),
    ):
        a, b = real["real_val"].tensors[tensor], synthetic.tensors[tensor]
        row = table.query("`class` == 'b' and measure == @measure").iloc[0]
        assert row["value"] == pytest.approx(distance(a[1::2], b[1::2]))
        assert (row["n_reference"], row["n"]) == (30, 45)
        (mean,) = table.loc[table["measure"] == f"{measure}_of_classes", "value"]
        assert mean == pytest.approx(np.mean([distance(a[k::2], b[k::2]) for k in range(2)]))


def test_a_missing_class_is_named_and_counts(features):
    real, synthetic = features
    lacking = only(synthetic, synthetic.tensors["labels"] == 0)
    table = fidelity_table(real, lacking, "gan", seed=0)
    assert missing_classes(table) == {"gan": {"b": 0}}
    assert missing_classes(fidelity_table(real, synthetic, "gan", seed=0)) == {}
    row = table.query("reference == 'real_val' and set == 'gan' and `class` == 'b' and measure == 'texture'").iloc[0]
    assert (row["n"], np.isnan(row["value"])) == (0, True)
    assert table.loc[table["measure"].str.endswith("_of_classes"), "value"].notna().all()
