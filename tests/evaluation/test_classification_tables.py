import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.classification_tables import (
    classification_table,
    confusion_of_cell,
    interval_table,
    per_class_table,
    reconstruction_table,
    synthetic_as_test_table,
)


def test_tables_begin_with_what_identifies_the_row(predictions):
    cells = [predictions("cnn", "real", 0, 3)]
    for table in (classification_table(cells), interval_table(cells, 5, 0), per_class_table(cells)):
        assert list(table.columns[:7]) == ["model", "regime", "set", "replicate", "weights", "n", "variant"]
        assert set(table["n"]) == {12}


def test_every_replicate_has_a_row_with_all_metrics(predictions):
    table = classification_table([predictions("cnn", "real", 0, 3), predictions("clip", "mixed", 6)])
    assert table[["model", "regime", "replicate"]].to_numpy().tolist() == [
        ["cnn", "real", 0],
        ["cnn", "real", 1],
        ["clip", "mixed", 0],
    ]
    assert table["accuracy"].tolist() == [1, 0.75, 0.5]
    assert table["balanced_accuracy"].tolist() == pytest.approx([1, 0.75, 0.5])
    assert table["mcc"].tolist() == pytest.approx([1, 0.625, 0.25])


def test_the_change_on_synthetic_images_is_against_the_real_test_set(predictions):
    cell = predictions("cnn", "real", 3)
    tensors = dict(cell.tensors) | {"synthetic.gan": predictions("cnn", "real", 6).tensors["synthetic.gan"]}
    table = synthetic_as_test_table([Artifact(tensors, cell.card)])
    assert table["accuracy_change"].tolist() == [-0.25]
    assert table[["set", "tested_on"]].to_numpy().tolist() == [["", "gan"]]


def test_a_cell_is_tested_on_every_set_it_was_predicted_on(predictions):
    cell = predictions("cnn", "real", 3, 3)
    second = {
        "synthetic.copies": cell.tensors["real_test"],
        "synthetic.copies_labels": cell.tensors["real_test_labels"],
    }
    table = synthetic_as_test_table([Artifact(dict(cell.tensors) | second, cell.card)])
    assert table["tested_on"].tolist() == ["gan", "gan", "copies", "copies"]


def test_intervals_hold_the_mean_over_replicates(predictions):
    table = interval_table([predictions("cnn", "real", 2, 4)], resamples=200, seed=0).set_index("metric")
    assert table.loc["accuracy", "mean"] == 0.75
    assert table.loc["accuracy", "ci_low"] < 0.75 < table.loc["accuracy", "ci_high"]
    assert set(table["replicate"]) == {"all"}


def test_known_groups_are_resampled_whole(predictions):
    in_one_group = predictions("cnn", "real", 3, groups=np.zeros(12, dtype=np.int64))
    table = interval_table([in_one_group], resamples=50, seed=0).set_index("metric")
    assert table.loc["accuracy", ["ci_low", "ci_high"]].tolist() == [0.75, 0.75]


def test_each_class_has_its_precision_recall_and_f1(predictions):
    table = per_class_table([predictions("cnn", "real", 3)]).set_index("class")
    assert table["n_class"].tolist() == [4, 4, 4]
    assert table["recall"].tolist() == [0.75, 0.75, 0.75]
    assert table.loc["gray", ["precision", "f1"]].tolist() == [0.75, 0.75]


def test_confusion_counts_all_replicates(predictions):
    matrix = confusion_of_cell(predictions("cnn", "real", 0, 3))
    assert matrix.tolist() == [[7, 1, 0], [0, 7, 1], [1, 0, 7]]


def test_without_cells_tables_keep_their_columns():
    assert {"accuracy", "mcc"} <= set(classification_table([]).columns)
    assert {"metric", "ci_low"} <= set(interval_table([], 5, 0).columns)


def test_the_autoencoder_costs_what_its_reconstructions_lose(predictions):
    cell, without = predictions("cnn", "real", 2, 4), predictions("clip", "real", 0)
    worse = predictions("cnn", "real", 5, 4).tensors
    tensors = {**cell.tensors, "reconstructed": worse["real_test"], "reconstructed_labels": worse["real_test_labels"]}
    table = reconstruction_table([Artifact(tensors, cell.card), without])
    assert table["model"].tolist() == ["cnn", "cnn"]
    assert table["replicate"].tolist() == [0, 1]
    assert table["accuracy"].tolist() == pytest.approx([7 / 12, 8 / 12])
    assert table["accuracy_change"].tolist() == pytest.approx([-3 / 12, 0])
    assert {"macro_f1_change", "auc_change"} <= set(table)


def test_without_reconstructions_the_table_is_empty_and_has_its_columns(predictions):
    table = reconstruction_table([predictions("cnn", "real", 1)])
    assert len(table) == 0
    assert "accuracy_change" in table
