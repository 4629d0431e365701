import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.membership_table import membership_table, to_tensors
from synthpath_kedro.metrics.membership import ScoredImages, membership_inference


@pytest.fixture
def make_losses():
    """Losses of 120 training and 120 held-out images of three classes, the latter higher by ``shift``."""

    def make(shift, patients=None):
        rng, tensors = np.random.default_rng(1), {}
        for name, mean in (("real_train", 0.0), ("real_val", shift)):
            labels = np.arange(120) % 3
            groups = None if patients is None else np.arange(120) % patients + (1000 if name == "real_val" else 0)
            images = LabeledImages(np.zeros((120, 1, 1, 3), np.uint8), labels, ("a", "b", "c"), groups)
            tensors |= to_tensors(name, labels + rng.normal(mean, 1, 120), images)
        return Artifact(tensors)

    return make


def test_a_denoiser_that_favors_its_training_images_is_found(make_losses):
    losses = make_losses(2)
    auc, tpr = membership_table(losses, "gan").to_dict("records")
    read = [ScoredImages(losses.tensors[name], losses.tensors[f"{name}_labels"]) for name in ("real_train", "real_val")]
    found = membership_inference(*read)
    assert (auc["value"], auc["ci_low"], auc["ci_high"]) == (found.auc.value, found.auc.low, found.auc.high)
    assert (tpr["value"], tpr["ci_low"], tpr["ci_high"]) == (found.tpr.value, found.tpr.low, found.tpr.high)
    assert (auc["measure"], auc["held_out"], auc["alarm"]) == ("membership_auc", 0.5, True)
    assert (tpr["measure"], tpr["held_out"], tpr["alarm"]) == ("membership_tpr", 0.01, True)


def test_losses_that_are_alike_raise_no_alarm(make_losses):
    assert membership_table(make_losses(0), "gan")["alarm"].tolist() == [False, False]


def test_patients_travel_with_the_losses_and_widen_the_interval(make_losses):
    alone, by_patient = membership_table(make_losses(2), "gan"), membership_table(make_losses(2, patients=4), "gan")
    assert by_patient["train_groups"].tolist() == by_patient["held_out_groups"].tolist() == [4, 4]
    assert alone["train_groups"].isna().all()
    assert (by_patient["value"] == alone["value"]).all()
    assert by_patient["ci_low"][0] < alone["ci_low"][0]


def test_too_few_held_out_images_leave_the_true_positive_rate_open(make_losses):
    losses = make_losses(2)
    few = {name: values[:60] if name.startswith("real_val") else values for name, values in losses.tensors.items()}
    auc, tpr = membership_table(Artifact(few), "gan").to_dict("records")
    assert auc["alarm"]
    assert (auc["n_train"], auc["n_held_out"]) == (120, 60)
    assert np.isnan(tpr["value"])
    assert pd.isna(tpr["alarm"])
