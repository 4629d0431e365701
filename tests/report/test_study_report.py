import numpy as np
import pandas as pd

from synthpath_kedro.report.study_report import _zero_shot_sentence


def test_the_zero_shot_accuracy_is_reported_where_a_model_has_one() -> None:
    table = pd.DataFrame(
        {"model": ["cnn", "clip"], "weights": ["random", "random"], "zero_shot_val_accuracy": [np.nan, 0.125]}
    )
    assert "before any training CLIP (random weights)" in _zero_shot_sentence(table)
    assert "accuracy of 0.125" in _zero_shot_sentence(table)
    assert _zero_shot_sentence(table.iloc[:1]) == ""
