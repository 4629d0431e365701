"""A whole tiny study whose classes are called what a folder can be called, to its pages in a browser."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.datasets import TableDataset

NAMES = sorted(
    [
        *("NA", "None", "nan", "null", "001", "1e5", "True", "all", "x.."),
        *("<img src=x onerror=document.title='owned'>", "a,\"b\"='c'; touch owned #", "$(touch owned)", "{{ 7 * 7 }}"),
        *("$x_1$", "_hidden", "\u200f\u05d9\u05de\u05d9\u05df", "  two  spaces ", "組織", "x" * 200),
    ]
)


@pytest.fixture(scope="module")
def study(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results, made through the command line."""
    root = tmp_path_factory.mktemp("tiles")
    random = np.random.default_rng(0)
    for split, n in (("train", 4), ("val", 3), ("test", 3)):
        for label, name in enumerate(NAMES):
            (root / split / name).mkdir(parents=True)
            for k in range(n):
                pixels = random.integers(0, 30 + 12 * label, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{k}.png")
    given = f"--params=data_prep.source=image_folder,data_prep.path={root},synthesis.export=both"
    command = [sys.executable, "-m", "kedro", "run", "--env=tiny", given]
    done = subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return workplace / "data/tiny"


def newest(study: Path, name: str) -> Path:
    return max(study.rglob(f"{name}.csv/*/{name}.csv"))


def test_every_table_has_every_name_as_it_was(study: Path) -> None:
    assert json.loads((study / "03_primary/card.json").read_text())["class_names"] == NAMES
    load = lambda name: TableDataset(filepath=str(newest(study, name))).load()  # noqa: E731
    assert load("class_distribution")["class"].tolist() == NAMES
    assert sorted(set(load("per_class")["class"])) == NAMES
    assert sorted(set(load("knn_mixing")["class"])) == ["", *NAMES]


def test_nothing_is_written_outside_the_study(study: Path, workplace: Path) -> None:
    assert not list(workplace.rglob("owned*"))
    folders = [path for path in (study / "07_model_output/synthetic_export/train").iterdir() if path.is_dir()]
    assert len(folders) == len(NAMES)
    with np.load(study / "07_model_output/synthetic_export/synthetic.npz") as exported:
        assert exported["class_names"].tolist() == NAMES


@pytest.mark.parametrize("name", ["report", "feature_space", "reader_study"])
def test_no_name_becomes_markup(study: Path, open_page, name: str) -> None:
    page = open_page((study / f"08_reporting/{name}.html").read_text())
    assert "owned" not in page.driver.title
    assert not page.all("img[src='x']")
    text = page.driver.execute_script("return document.body.textContent")
    if name == "report":
        assert [one for one in NAMES if one not in text] == []
        assert "49" not in [cell.text for cell in page.all("#data_card td")]
