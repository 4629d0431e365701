import numpy as np

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.privacy_tables import privacy_table
from synthpath_kedro.evaluation.training_search import Points, search_training_images, to_tensors


def _search(copies):
    rng = np.random.default_rng(0)
    train, held_out, synthetic = (rng.normal(size=(n, 6)) for n in (300, 200, 200))
    synthetic[:copies] = train[:copies]
    sets = {"synthetic": synthetic, "held_out": held_out}
    search_in = Points(train, np.arange(300))
    found = {name: search_training_images(Points(one, np.arange(200)), search_in) for name, one in sets.items()}
    return Artifact(
        to_tensors({"pixels": found, "features": found}),
        {"extractor": "e", "weights": "ImageNet", "n_train": {"pixels": 300, "features": 300}},
    )


def test_planted_copies_are_found_and_fair_draws_are_not():
    planted, fair = (privacy_table(_search(copies), "gan").query("measure == 'near_duplicates'") for copies in (20, 0))
    assert planted["alarm"].tolist() == [True, True]
    assert (planted["value"] >= 0.1).all()
    assert (planted["suspects"] >= 20).all()
    assert (planted["suspects"] == planted["value"] * planted["n"]).all()
    assert fair["alarm"].tolist() == [False, False]


def test_every_row_says_how_many_images_were_table():
    table = privacy_table(_search(0), "gan")
    assert set(table["n"]) == {200}
    assert set(table["n_train"]) == {300}
    assert set(table["n_held_out"]) == {200}
    assert set(table.query("space == 'features'")["extractor"]) == {"e"}


def test_rows_begin_with_the_set_and_what_was_found():
    table = privacy_table(_search(0), "gan")
    assert list(table.columns[:8]) == ["set", "measure", "space", "n", "suspects", "upper_bound", "p", "alarm"]
    assert set(table["set"]) == {"gan"}
    assert list(table["weights"]) == ["", "", "", "ImageNet", "ImageNet", "ImageNet"]
