import numpy as np
import pytest

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.parts import draw_folds, draw_fractions, merge
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.errors import InputError

FRACTIONS = {"at_10": 0.1, "at_50": 0.5, "at_100": 1.0}
FOLDS = {f"repeat_{r}_fold_{f}": (r, f) for r in range(2) for f in range(3)}


def drawn(n: int, first: int, groups: int | None = None, classes: int = 3) -> LabeledImages:
    """Images whose every pixel is their own number; where ``groups``, four images a patient."""
    numbers = np.arange(first, first + n)
    pixels = np.broadcast_to(numbers[:, None, None, None], (n, 2, 2, 3)).astype(np.uint8)
    codes = None if groups is None else groups + np.arange(n) // 4
    return LabeledImages(pixels, np.arange(n) % classes, ("a", "b", "c"), codes, {"name": "test"})


def of(train: int = 60, val: int = 12, test: int = 12, *, patients: bool = False) -> Splits:
    first = [(train, 0, 0), (val, train, 100), (test, train + val, 200)]
    made = Splits(*(drawn(n, start, code if patients else None) for n, start, code in first))
    return made.map(lambda images: images.with_card(prepared=made.digest))


def numbers(images: LabeledImages) -> set[int]:
    return set(images.images[:, 0, 0, 0].tolist())


def test_the_merged_images_are_all_of_them_in_order() -> None:
    merged = merge(of())
    assert merged.images[:][:, 0, 0, 0].tolist() == list(range(84))
    assert merged.labels[60:72].tolist() == (np.arange(12) % 3).tolist()


@pytest.mark.parametrize("patients", [True, False])
def test_a_larger_fraction_adds_images_and_exchanges_none(patients: bool) -> None:
    real = of(120, patients=patients)
    parts = draw_fractions(real, FRACTIONS, seed=0)
    small, half, whole = (set(parts[name].train.tolist()) for name in FRACTIONS)
    assert small < half < whole == set(range(120))
    assert [part.facts["n_train"] for part in parts.values()] == [120, 60, 12]
    for name in FRACTIONS:
        made = parts[name].of(real)
        assert numbers(made.val) == set(range(120, 132))
        assert numbers(made.test) == set(range(132, 144))


def test_each_class_keeps_its_share() -> None:
    labels = np.repeat([0, 1, 2], [80, 30, 10])
    real = of(120)
    real = Splits(LabeledImages(real.train.images, labels, ("a", "b", "c")), real.val, real.test)
    parts = draw_fractions(real, FRACTIONS, seed=0)
    assert np.bincount(labels[parts["at_50"].train]).tolist() == [40, 15, 5]
    assert np.bincount(labels[parts["at_10"].train]).tolist() == [8, 3, 1]


def test_patients_stay_whole_in_every_fraction() -> None:
    real = of(120, patients=True)
    codes = real.train.groups
    half = draw_fractions(real, FRACTIONS, seed=0)["at_50"].train
    left_out = np.setdiff1d(np.arange(120), half)
    assert set(codes[half].tolist()) & set(codes[left_out].tolist()) == set()


def test_the_whole_is_the_prepared_data_itself_and_every_other_part_another() -> None:
    real = of()
    parts = draw_fractions(real, FRACTIONS, seed=0)
    digests = {name: part.of(real).train.card["prepared"] for name, part in parts.items()}
    assert digests["at_100"] == real.digest
    assert len(set(digests.values())) == 3
    made = parts["at_50"].of(real)
    assert {images.card["prepared"] for _, images in made} == {digests["at_50"]}


@pytest.mark.parametrize("patients", [True, False])
def test_a_fraction_too_small_for_an_image_of_each_class_is_refused(patients: bool) -> None:
    with pytest.raises(InputError, match=r"fractions: 0.02 of 60 training images is 1, too few for 3 classes"):
        draw_fractions(of(patients=patients), {"at_2": 0.02}, seed=0)


@pytest.mark.parametrize("patients", [np.zeros(60, np.int64), np.arange(60) // 20])
def test_patients_too_large_for_a_fraction_are_refused(patients: np.ndarray) -> None:
    """One patient; and three of one class each, of whom none can be left out."""
    real = of(patients=True)
    train = LabeledImages(real.train.images, np.arange(60) // 20, ("a", "b", "c"), patients)
    with pytest.raises(InputError, match=r"0.5 cannot be drawn: every patient \(or slide\) of the next larger"):
        draw_fractions(Splits(train, real.val, real.test), {"at_50": 0.5}, seed=0)


@pytest.mark.parametrize("patients", [True, False])
def test_every_image_is_held_out_once_in_each_repeat(patients: bool) -> None:
    real = of(patients=patients)
    parts = draw_folds(real, FOLDS, seed=0)
    for repeat in range(2):
        held_out = np.concatenate([parts[f"repeat_{repeat}_fold_{fold}"].test for fold in range(3)])
        assert sorted(held_out.tolist()) == list(range(84))
    assert not np.array_equal(parts["repeat_0_fold_0"].test, parts["repeat_1_fold_0"].test)


@pytest.mark.parametrize("patients", [True, False])
def test_training_validation_and_held_out_images_of_a_fold_share_nothing(patients: bool) -> None:
    real = of(patients=patients)
    merged = merge(real)
    for part in draw_folds(real, FOLDS, seed=0).values():
        rows = [set(own.tolist()) for own in (part.train, part.val, part.test)]
        assert set.union(*rows) == set(range(84))
        assert sum(map(len, rows)) == 84
        assert part.facts["n_train"] / (part.facts["n_train"] + len(part.val)) == pytest.approx(60 / 72, abs=0.1)
        if patients:
            codes = [set(merged.groups[list(own)].tolist()) for own in rows]
            assert sum(map(len, codes)) == len(set.union(*codes))


def test_folds_have_seeds_of_their_own_which_follow_from_the_studys() -> None:
    seeds = [part.seed for part in draw_folds(of(), FOLDS, seed=0).values()]
    assert len(set(seeds)) == 6
    assert max(seeds) < 2**31
    assert seeds == [part.seed for part in draw_folds(of(), FOLDS, seed=0).values()]


@pytest.mark.parametrize("patients", [True, False])
def test_too_many_folds_are_refused(patients: bool) -> None:
    folds = {f"fold_{fold}": (0, fold) for fold in range(29)}
    message = r"folds is 29, but there are 21 patients" if patients else r"folds is 29, but there are 28 images of a"
    with pytest.raises(InputError, match=message):
        draw_folds(of(patients=patients), folds, seed=0)


def test_a_fold_without_a_patient_to_validate_on_is_refused() -> None:
    two = of(patients=True).map(
        lambda images: LabeledImages(
            images.images, images.labels, images.class_names, (np.arange(len(images)) // 6) % 2
        )
    )
    with pytest.raises(InputError, match="leaves one patient"):
        draw_folds(two, {"fold_0": (0, 0), "fold_1": (0, 1)}, seed=0)
