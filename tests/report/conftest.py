import numpy as np
import pandas as pd
import pytest

MODELS = ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")
REGIMES = ("real", "synthetic", "mixed")


@pytest.fixture
def classification():
    """Two replicates a cell; everything but (clip, mixed)."""
    rows = [
        {
            "model": model,
            "regime": regime,
            "replicate": replicate,
            "weights": "pretrained" if model == "efficientnet_lite0" else "random",
            "n": 540,
            "accuracy": 0.8 + 0.01 * place + 0.02 * replicate,
            "macro_f1": 0.7 + 0.02 * replicate,
            "auc": 0.9 + 0.02 * replicate,
        }
        for model in MODELS
        for place, regime in enumerate(REGIMES)
        for replicate in range(2)
        if (model, regime) != ("clip", "mixed")
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def synthetic_as_test(classification):
    changes = {f"{metric}_change": -0.05 for metric in ("accuracy", "macro_f1", "auc")}
    return classification[classification["regime"] == "real"].assign(**changes)


@pytest.fixture
def robustness(classification):
    attacks = [
        classification.assign(
            attack=attack, eps=8 / 255, clean_accuracy=classification["accuracy"], change=-loss, n=180
        ).assign(accuracy=classification["accuracy"] - loss)
        for attack, loss in (("noise", 0.01), ("fgsm", 0.3), ("bim", 0.5))
    ]
    return pd.concat(attacks, ignore_index=True)


@pytest.fixture
def history(classification):
    epochs = classification[["model", "regime", "replicate"]].merge(pd.DataFrame({"epoch": range(4)}), how="cross")
    return epochs.assign(
        train_loss=np.exp(-epochs["epoch"]), val_loss=np.exp(-epochs["epoch"]) + 0.1, val_accuracy=0.2 * epochs["epoch"]
    )
