import subprocess
import sys

import numpy as np


def test_listing_the_sources_imports_nothing_heavy():
    code = "import sys, synthpath_kedro.data.sources; print({'torch', 'medmnist', 'sklearn'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_the_phantom_is_named_in_the_card(tmp_path, data_prep):
    from synthpath_kedro.data.sources import read_source

    phantom = {"n_train": 18, "n_val": 9, "n_test": 9, "stain_shift": 0.5}
    splits = read_source(data_prep(source="phantom", image_size=16, phantom=phantom), 0, tmp_path)
    card = splits.card()
    assert (card.source, card.name, card.phantom) == ("phantom", "digital phantom", True)
    assert [len(images) for _, images in splits] == [18, 9, 9]
    assert splits.train.images.dtype == np.uint8
