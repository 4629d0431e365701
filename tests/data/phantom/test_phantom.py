import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.phantom.stain import EOSIN, HEMATOXYLIN, Staining, optical_density, transmit
from synthpath_kedro.data.phantom.tissues import TISSUES
from synthpath_kedro.data.sources.phantom import render_phantom
from synthpath_kedro.data.validation import validate_splits
from synthpath_kedro.parameters import PhantomParameters


def phantom(n_train: int = 45, stain_shift: float = 0.5) -> PhantomParameters:
    return PhantomParameters(n_train=n_train, n_val=18, n_test=27, stain_shift=stain_shift)


def test_classes_stand_in_pathmnists_order() -> None:
    assert tuple(TISSUES)[:3] == ("adipose", "background", "debris")
    assert tuple(TISSUES)[-1] == "colorectal adenocarcinoma epithelium"


@pytest.mark.parametrize("image_size", [16, 28, 64])
def test_any_size_and_count_gives_balanced_sets_that_pass_validation(image_size: int) -> None:
    splits = validate_splits(render_phantom(phantom(n_train=50), image_size, 0))
    assert splits.train.images.shape == (50, image_size, image_size, 3)
    assert splits.train.class_counts.tolist() == [6, 6, 6, 6, 6, 5, 5, 5, 5]
    assert (len(splits.val), len(splits.test)) == (18, 27)


def test_the_same_seed_gives_the_same_tiles_and_another_one_others() -> None:
    first, again, other = (render_phantom(phantom(), 16, seed) for seed in (0, 0, 1))
    assert first.digest == again.digest
    assert not np.array_equal(first.train.images, other.train.images)


def test_a_tile_does_not_depend_on_the_other_tiles() -> None:
    labels = np.arange(18) % 9
    few, many = render_tiles(labels[:9], 24, (3,), 0.0), render_tiles(labels, 24, (3,), 0.0)
    np.testing.assert_array_equal(few, many[:9])


def test_the_three_sets_share_no_tile() -> None:
    splits = render_phantom(phantom(), 16, 0)
    tiles = {images.tobytes() for _, part in splits for images in part.images}
    assert len(tiles) == 45 + 18 + 27


def test_light_is_absorbed_as_beer_and_lambert_say() -> None:
    vectors = np.stack([HEMATOXYLIN, EOSIN])[None]
    staining = Staining(vectors, np.ones((1, 2), np.float32), np.full((1, 3), 200, np.float32))
    hematoxylin, eosin = np.full((1, 1, 1), 0.5, np.float32), np.full((1, 1, 1), 0.25, np.float32)
    light = transmit(optical_density(hematoxylin, eosin, staining), staining)
    np.testing.assert_allclose(light[0, 0, 0], 200 * 10 ** -(0.5 * HEMATOXYLIN + 0.25 * EOSIN), rtol=1e-5)


def test_the_test_sets_stain_is_shifted_and_its_structure_is_not() -> None:
    plain, shifted = render_phantom(phantom(stain_shift=0.0), 16, 0), render_phantom(phantom(stain_shift=1.0), 16, 0)
    np.testing.assert_array_equal(plain.train.images, shifted.train.images)
    assert np.abs(plain.test.images.astype(float) - shifted.test.images).mean() > 3
    gray = [part.test.images.mean(axis=3).ravel() for part in (plain, shifted)]
    assert np.corrcoef(gray)[0, 1] > 0.95


def test_a_class_looks_like_its_tissue() -> None:
    """Brightness and the share of dark, blue pixels (nuclei) order the classes as in real tissue."""
    images = render_tiles(np.repeat(np.arange(9), 20), 32, (0,), 0.0).reshape(9, -1, 3).astype(float)
    brightness = dict(zip(TISSUES, images.mean(axis=(1, 2)), strict=True))
    nuclei = dict(zip(TISSUES, ((images[..., 0] < 120) & (images[..., 2] > images[..., 0])).mean(axis=1), strict=True))
    assert brightness["background"] > brightness["adipose"] > brightness["mucus"] > brightness["smooth muscle"]
    assert brightness["colorectal adenocarcinoma epithelium"] == min(brightness.values())
    assert nuclei["lymphocytes"] > 3 * nuclei["cancer-associated stroma"]
    assert nuclei["background"] < 0.01


def test_color_alone_does_not_tell_the_classes_apart() -> None:
    splits = render_phantom(PhantomParameters(n_train=360, n_val=18, n_test=180, stain_shift=0.5), 32, 0)

    def colors(images: np.ndarray) -> np.ndarray:
        return images.mean(axis=(1, 2))

    forest = RandomForestClassifier(random_state=0).fit(colors(splits.train.images), splits.train.labels)
    accuracy = forest.score(colors(splits.test.images), splits.test.labels)
    assert 1 / 9 < accuracy < 0.8
