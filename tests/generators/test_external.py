import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError


@pytest.fixture
def with_copies(tmp_path: Path, tiles: tuple[np.ndarray, np.ndarray]) -> Callable[..., str]:
    """Writes the tiles with real images in the place of some: by place the image."""

    def write(**copies: np.ndarray) -> str:
        images = tiles[0].copy()
        for place, image in copies.items():
            images[int(place.removeprefix("at_"))] = image
        np.savez(tmp_path / "gan.npz", images=images, labels=tiles[1])
        return str(tmp_path / "gan.npz")

    return write


@pytest.mark.parametrize("duplicates", ["error", "drop", "keep"])
def test_copies_of_images_that_are_tested_on_are_refused_and_counted(
    made: Callable, with_copies: Callable, real: Splits, duplicates: str
) -> None:
    path = with_copies(at_5=real.val.images[0], at_6=real.test.images[1], at_4=real.test.images[0])
    found = r"1 of the val set and 2 of the test set \(the first is image 4\)"
    with pytest.raises(
        InputError, match=rf"copies of real images that classifiers are tested on, {found}.*remove them"
    ):
        made(source="npz", path=path, duplicates=duplicates)


def test_copies_of_training_images_are_refused_if_asked(made: Callable, with_copies: Callable, real: Splits) -> None:
    path = with_copies(at_0=real.train.images[3], at_1=real.train.images[4])
    with pytest.raises(InputError, match=r"2 of 7 synthetic images are training images.* synthesis.duplicates to drop"):
        made(source="npz", path=path, duplicates="error")


@pytest.mark.parametrize(("duplicates", "n"), [("keep", 7), ("drop", 5)])
def test_copies_of_training_images_are_counted_and_warned_of(
    made: Callable, with_copies: Callable, real: Splits, tiles, caplog, duplicates: str, n: int
) -> None:
    path = with_copies(at_0=real.train.images[3], at_1=real.train.images[3])
    with caplog.at_level(logging.WARNING):
        synthetic = made(source="npz", path=path, duplicates=duplicates)
    assert len(synthetic) == n
    np.testing.assert_array_equal(synthetic.images[-5:], tiles[0][2:])
    np.testing.assert_array_equal(synthetic.labels[-5:], tiles[1][2:])
    assert synthetic.card.duplicates == {"real_train": 2, "treatment": duplicates}
    assert f"2 of 7 synthetic images are training images, pixel by pixel (synthesis.duplicates: {duplicates})" in (
        caplog.text
    )


def test_no_copies_are_no_warning(made: Callable, with_copies: Callable, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        made(source="npz", path=with_copies(), duplicates="error")
    assert caplog.records == []


def test_a_class_whose_images_are_all_dropped_is_refused(made: Callable, with_copies: Callable, real: Splits) -> None:
    path = with_copies(at_2=real.train.images[2], at_5=real.train.images[5])
    message = r"without the copies of training images \(synthesis\.duplicates: drop\) has no image of stroma"
    with pytest.raises(InputError, match=message):
        made(source="npz", path=path, duplicates="drop")
    assert len(made(source="npz", path=path, duplicates="keep")) == 7


def test_images_of_a_single_color_are_no_copies(made: Callable, with_copies: Callable, real: Splits) -> None:
    white = np.full((8, 8, 3), 255, np.uint8)
    for _, images in real:
        images.images[0] = white
    synthetic = made(source="npz", path=with_copies(at_0=white), duplicates="error")
    assert synthetic.card.duplicates["real_train"] == 0


def test_copies_are_found_after_resizing_as_real_images_are(
    made: Callable, tmp_path: Path, real: Splits, tiles
) -> None:
    large = np.repeat(np.repeat(tiles[0], 2, axis=1), 2, axis=2)
    np.savez(tmp_path / "large.npz", images=large, labels=tiles[1])
    real.test.images[1] = made(source="npz", path=str(tmp_path / "large.npz")).images[3]
    with pytest.raises(InputError, match=r"1 of the test set \(the first is image 3\)"):
        made(source="npz", path=str(tmp_path / "large.npz"))


def test_several_sets_stand_side_by_side(made: Callable, with_copies: Callable, tmp_path: Path, tiles) -> None:
    gan = with_copies()
    np.savez(tmp_path / "vendor.npz", images=255 - tiles[0], labels=tiles[1])
    sets = {"gan": {"source": "npz", "path": gan}, "vendor": {"source": "npz", "path": str(tmp_path / "vendor.npz")}}
    first, second = made("gan", sets=sets), made("vendor", sets=sets)
    assert (first.name, second.name) == ("gan", "vendor")
    assert first.labeled().card["set"] == "gan"
    assert first.digest != second.digest
    np.testing.assert_array_equal(second.images[:], 255 - first.images[:])


@pytest.mark.parametrize("source", ["npz", "image_folder"])
def test_an_error_names_the_parameter_of_its_own_set(made: Callable, tmp_path: Path, source: str) -> None:
    sets = {"ours": {"source": "diffusion"}, "gan": {"source": source, "path": str(tmp_path / "gone")}}
    with pytest.raises(InputError, match=r"^synthesis\.sets\.gan\.path: .*gone does not exist"):
        made("gan", sets=sets)
