import numpy as np
import pytest
import torch
from torch import nn

from synthpath_kedro.classifiers.classifier import Classifier
from synthpath_kedro.classifiers.prediction import predict
from synthpath_kedro.classifiers.preprocessing import CENTERED, preprocessing
from synthpath_kedro.evaluation.corruption_suite import corrupt_images, corruption_suite
from synthpath_kedro.study.corruptions import CORRUPTIONS, Corruption

NUMBERS = np.array([4, 9, 30])


@pytest.fixture
def classifiers():
    torch.manual_seed(0)
    outputs = [nn.Linear(108, 3) for _ in range(2)]
    return [
        Classifier(
            preprocessing(6, CENTERED),
            frozen=nn.Identity(),
            trained=nn.Flatten(),
            output=output,
            architecture={"variant": "linear", "input_size": 6},
            weights="random",
            class_names=("a", "b", "c"),
        ).eval()
        for output in outputs
    ]


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3), dtype=np.uint8)


def test_an_images_noise_depends_on_the_seed_and_its_number_alone(images):
    noise = CORRUPTIONS["noise"]
    together = corrupt_images(images, NUMBERS, noise, 8, seed=1)
    alone = corrupt_images(images[[2, 0]], NUMBERS[[2, 0]], noise, 8, seed=1)
    assert np.array_equal(alone, together[[2, 0]])
    assert not np.array_equal(together, corrupt_images(images, NUMBERS, noise, 8, seed=2))
    assert not np.array_equal(together, corrupt_images(images, NUMBERS + 1, noise, 8, seed=1))


def test_every_level_is_what_each_replicate_says_of_the_corrupted_images(classifiers, images, evaluation_parameters):
    params = evaluation_parameters(corruptions=("blur", "noise"), batch_size=2)
    found = corruption_suite(classifiers, images, NUMBERS, params, seed=3, precision="float32")
    assert {name: array.shape for name, array in found.items()} == {"blur": (3, 2, 3, 3), "noise": (3, 2, 3, 3)}
    corrupted = corrupt_images(images, NUMBERS, CORRUPTIONS["noise"], params.corruption_levels["noise"][2], 3)
    for replicate, classifier in enumerate(classifiers):
        expected = predict(classifier, corrupted, 3).probabilities
        np.testing.assert_allclose(found["noise"][2, replicate], expected, atol=1e-6)


def invert(image, level, random):
    return 255 - image


def test_a_corruption_that_is_added_to_the_table_runs_by_its_name_alone(classifiers, images, evaluation_parameters):
    entry = Corruption("negative", "negative", "nothing", f"{__name__}:invert", 0, 1)
    with CORRUPTIONS.extended(entry):
        params = evaluation_parameters(corruptions=("negative",), corruption_levels={"negative": (1,)})
        found = corruption_suite(classifiers, images, NUMBERS, params, seed=0, precision="float32")
    expected = predict(classifiers[0], 255 - images, 3).probabilities
    np.testing.assert_allclose(found["negative"][0, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"corruptions": ("rain",)}, "stain, brightness, blur, jpeg, noise or resolution"),
        ({"corruption_levels": {"stain": (1,)}}, "corruption_levels has no levels of brightness"),
        ({"corruption_levels": {"jpeg": (101,)}, "corruptions": ("jpeg",)}, r"jpeg has 101; it should be 1 to 95"),
        ({"corruption_levels": {"blur": ()}, "corruptions": ()}, "at least 1 item"),
        ({"corruption_images": 9}, "greater than or equal to 10"),
    ],
)
def test_levels_that_mean_nothing_are_refused_with_what_is_valid(changes, words, evaluation_parameters):
    with pytest.raises(ValueError, match=words):
        evaluation_parameters(**changes)
