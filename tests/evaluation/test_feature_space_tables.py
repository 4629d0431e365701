import numpy as np

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.evaluation.feature_space_tables import knn_mixing_table


def test_each_cell_has_a_row_a_class_and_one_over_all():
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    features = (10 * np.eye(3)[labels] + rng.normal(size=(30, 3))).astype(np.float32)
    tensors = {"real_test": features, "synthetic.gan": features + 0.01, "real_test_labels": labels}
    card = {"model": "cnn", "regime": "real", "weights": "w", "variant": "v", "class_names": ["a", "b", "c"]}
    table = knn_mixing_table([Artifact(tensors | {"synthetic.gan_labels": labels}, card)], k=4)
    assert table["class"].tolist() == ["a", "b", "c", ""]
    assert set(table["beside"]) == {"gan"}
    assert table["n_class"].tolist() == [10, 10, 10, 30]
    assert table["class_agreement"].tolist() == [1, 1, 1, 1]
    assert set(table["n"]) == {60}
    assert 0.3 < table["real_share"].iloc[-1] < 0.7
