"""A new generator is one file and one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.errors import InputError
from synthpath_kedro.study.generators import GENERATORS, Generator

MODULE = """
import numpy as np

from synthpath_kedro.data.synthetic import from_arrays


def generate(request):
    real = request.real.train
    negative = 255 - real.images
    return from_arrays(
        negative[..., :CHANGES], real.labels, real.class_names, request.params.shard_size, name=request.name,
        source=request.source.source, prepared=real.card["prepared"],
    )
"""


@pytest.fixture
def negatives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Generator:
    """The line in the table; the file has another name in each test, because a module is imported once."""
    name = f"negatives_of_{request.node.name}"
    size = "3" if "size" not in request.node.name else "3][:, :4, :4"
    (tmp_path / f"{name}.py").write_text(MODULE.replace("CHANGES", size))
    monkeypatch.syspath_prepend(tmp_path)
    return Generator("negatives", "negatives", f"{name}:generate", "negatives")


def test_a_file_and_a_line_make_a_set(made: Callable, negatives: Generator, real) -> None:
    with GENERATORS.extended(negatives):
        synthetic = made(source="negatives")
    np.testing.assert_array_equal(synthetic.images[:], 255 - real.train.images)
    assert synthetic.name == synthetic.card.source == "negatives"


def test_without_the_line_the_source_is_unknown(made: Callable, negatives: Generator) -> None:
    with pytest.raises(ValueError, match="diffusion, image_folder, npz or phantom"):
        made(source="negatives")


def test_a_set_of_another_size_than_the_real_images_is_refused(made: Callable, negatives: Generator) -> None:
    with (
        GENERATORS.extended(negatives),
        pytest.raises(InputError, match=r"negatives has classes .* at 4 pixels, the re"),
    ):
        made(source="negatives")
