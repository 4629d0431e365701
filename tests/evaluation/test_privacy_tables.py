import numpy as np
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.privacy_tables import privacy_table
from synthpath_kedro.evaluation.training_search import HELD_OUT, SYNTHETIC, Found, to_tensors


def _found(n, copies, rng):
    relative = rng.uniform(0.9, 1.1, n)
    relative[:copies] = 0.1
    return Found(np.arange(n), np.arange(n), relative, np.full(n, 0.7), np.zeros(n, int), relative >= 1)


def _search(copies, **card):
    rng = np.random.default_rng(0)
    found = {
        space: {SYNTHETIC: _found(200, copies, rng), HELD_OUT: _found(100, 0, rng)} for space in ("pixels", "features")
    }
    facts = {"extractor": "e", "weights": "ImageNet", "n_train": {"pixels": 300, "features": 250}}
    return Artifact(to_tensors(found), facts | card)


def test_one_alarm_counts_the_suspects_of_both_spaces():
    planted, fair = (privacy_table(_search(copies), "gan").iloc[0] for copies in (20, 0))
    assert (planted["measure"], planted["space"]) == ("near_duplicates", "any")
    assert (planted["n"], planted["suspects"], planted["value"], planted["alarm"]) == (200, 20, 0.1, True)
    assert (fair["suspects"], fair["alarm"], fair["p"]) == (0, False, 1)
    assert fair["upper_bound"] == pytest.approx(1 - 0.05 ** (1 / 200))


def test_spaces_count_their_suspects_without_an_alarm_of_their_own():
    table = privacy_table(_search(20), "gan")
    spaces = table[(table["measure"] == "near_duplicates") & (table["space"] != "any")]
    assert spaces["suspects"].tolist() == [20, 20]
    assert spaces["alarm"].isna().all()
    authenticity = table.query("measure == 'authenticity' and space == 'pixels'").iloc[0]
    assert authenticity["value"] == (_found(200, 20, np.random.default_rng(0)).relative >= 1).mean()


def test_copies_pixel_by_pixel_are_an_alarm_whatever_the_sample_shows():
    nearest = _search(0, duplicates={"real_train": 3, "treatment": "keep"})
    assert privacy_table(nearest, "gan").iloc[0]["alarm"]


def test_every_row_says_how_many_images_were_searched():
    table = privacy_table(_search(0), "gan")
    assert set(table["n"]) == {200}
    assert table.groupby("space", sort=False)["n_train"].first().to_dict() == {
        "any": 300,
        "pixels": 300,
        "features": 250,
    }
    assert set(table["n_held_out"]) == {100}
    assert set(table.query("space == 'features'")["extractor"]) == {"e"}


def test_rows_begin_with_the_set_and_what_was_found():
    table = privacy_table(_search(0), "gan")
    assert list(table.columns[:8]) == ["set", "measure", "space", "n", "suspects", "upper_bound", "p", "alarm"]
    assert set(table["set"]) == {"gan"}
    assert list(table["weights"]) == ["ImageNet", "", "", "", "ImageNet", "ImageNet", "ImageNet"]
