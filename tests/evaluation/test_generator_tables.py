import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.evaluation.generator_tables import generators_table


@pytest.fixture
def tables():
    """Three sets, given from the worst to the best; gan and copies are equally near to real images."""
    distances = {"blurred": 9.0, "gan": 2.0, "copies": 2.0, "real_train": 0.0}
    fidelity = [
        {"set": name, "reference": reference, "class": one, "measure": measure, "value": value, "n": n}
        for reference in ("real_val", "real_test")
        for name, distance in distances.items()
        for one, measure, value, n in (
            ("", "kernel_distance_of_classes", distance if reference == "real_val" else -distance, 9),
            ("", "kernel_distance", 10 - distance, 9),
            ("", "coverage", 0.5, 9),
            ("a", "kernel_distance", -100.0, 9),
            ("b", "kernel_distance", np.nan, 1 if name == "gan" else 9),
        )
    ]
    privacy = [
        {"set": name, "measure": measure, "space": space, "value": value, "alarm": name == "copies"}
        for name in distances
        for measure, space, value in (
            ("near_duplicates", "any", 0.3),
            ("near_duplicates", "pixels", 0.1),
            ("authenticity", "pixels", 0.9),
        )
        if name != "real_train"
    ]
    accuracies = {"blurred": 0.5, "gan": 0.6, "copies": 0.7}
    classification = [
        {"model": model, "regime": regime, "set": name, "replicate": k, "accuracy": accuracy + shift + gain}
        for name, accuracy in accuracies.items()
        for model, shift in (("cnn", 0.0), ("clip", 0.1))
        for regime, gain in (("synthetic", 0.0), ("mixed", 0.2))
        for k in range(2 if model == "cnn" else 1)
    ]
    comparison = [
        {"model": "cnn", "regime": regime, "set": name, "metric": metric, "difference": gain}
        for name, accuracy in accuracies.items()
        for regime in ("synthetic", "mixed")
        for metric, gain in (("accuracy", accuracy - 0.9), ("auc", 9.0))
    ]
    return tuple(map(pd.DataFrame, (fidelity, privacy, comparison, classification)))


def test_the_nearest_to_held_out_images_ranks_first_and_accuracy_breaks_a_tie(tables):
    table = generators_table(*tables)
    assert table[["rank", "set", "kernel_distance_of_classes"]].to_numpy().tolist() == [
        [1, "copies", 2.0],
        [2, "gan", 2.0],
        [3, "blurred", 9.0],
    ]


def test_classes_that_a_set_lacks_are_named(tables):
    table = generators_table(*tables).set_index("set")
    assert table["missing_classes"].to_dict() == {"copies": "", "gan": "b", "blurred": ""}


def test_accuracies_are_means_over_models_not_over_replicates(tables):
    best = generators_table(*tables).iloc[0]
    assert best["accuracy_alone"] == pytest.approx(0.75)
    assert best["accuracy_mixed"] == pytest.approx(0.95)
    assert best["difference_alone"] == pytest.approx(-0.2)


def test_near_duplicates_and_alarm_are_those_of_all_spaces(tables):
    table = generators_table(*tables).set_index("set")
    assert table["alarm"].to_dict() == {"copies": True, "gan": False, "blurred": False}
    assert set(table["near_duplicates"]) == {0.3}


def test_sets_are_ranked_before_any_classifier_is_trained(tables):
    fidelity, privacy, comparison, classification = tables
    table = generators_table(fidelity, privacy, comparison.iloc[:0], classification.iloc[:0])
    assert table["rank"].tolist() == [1, 2, 3]
    assert np.isnan(table["accuracy_alone"].astype(float)).all()


def test_an_oracle_stands_last_without_a_rank(tables):
    table = generators_table(*tables, oracles=["copies"])
    assert table["set"].tolist() == ["gan", "blurred", "copies"]
    assert table["rank"].tolist() == [1, 2, pd.NA]


def test_sets_are_compared_on_the_cells_that_all_of_them_have(tables):
    fidelity, privacy, comparison, classification = tables
    lacks = (classification["set"] == "gan") & (classification["model"] == "clip")
    table = generators_table(fidelity, privacy, comparison, classification[~lacks]).set_index("set")
    assert table["accuracy_alone"].to_dict() == pytest.approx({"copies": 0.7, "gan": 0.6, "blurred": 0.5})
