import numpy as np

from synthpath_kedro.data.artifact import Artifact
from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.evaluation.training_search import (
    Points,
    closest_synthetic,
    pixel_points,
    read_found,
    search_training_images,
    to_tensors,
)


def test_pixel_distance_is_the_root_mean_square_of_gray_levels():
    images = np.stack([np.full((4, 4, 3), level, np.uint8) for level in (10, 13, 250)])
    points = pixel_points(LabeledImages(images, np.zeros(3, np.int64), ("a",)), 3, seed=0)
    assert np.isclose(np.linalg.norm(points.values[0] - points.values[1]), 3)


def test_places_are_those_of_the_whole_sets():
    train = Points(np.array([[0.0], [10.0], [20.0]]), np.array([5, 7, 9]))
    synthetic = Points(np.array([[9.0], [0.5], [30.0]]), np.array([2, 4, 6]))
    found = search_training_images(synthetic, train)
    assert found.nearest.tolist() == [7, 5, 9]
    assert found.authentic.tolist() == [False, False, True]
    artifact = Artifact(to_tensors({"pixels": {"synthetic": found}}))
    assert read_found(artifact, "pixels", "synthetic").distances.tolist() == [1, 0.5, 10]
    pairs = closest_synthetic(artifact, "pixels", 2)
    assert pairs.synthetic.tolist() == [4, 2]
    assert pairs.train.tolist() == [5, 7]
