import numpy as np

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.montage import draw_of_class, montage, tile_centers


def test_tiles_lie_at_their_places_and_gaps_are_white():
    dark, gray = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 9, np.uint8)
    picture = montage([[dark, None], [None, gray]], (4, 6))
    assert picture.shape == (9, 13, 3)
    assert (picture[:4, :6] == 0).all()
    assert (picture[5:, 7:] == 9).all()
    assert (picture[:4, 7:] == 255).all()
    assert (picture[4] == 255).all()


def test_labels_stand_at_the_middle_of_their_tiles():
    assert tile_centers(2, 4, 6).tolist() == [1.5, 6.5]


def test_drawn_images_show_the_class_and_none_twice():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    one_label = LabeledImages(images, np.arange(10) % 2, ("even", "odd"))
    drawn = [tile[0, 0, 0] for tile in draw_of_class(one_label, 1, 5, seed=0)]
    assert sorted(drawn) == [1, 3, 5, 7, 9]


def test_of_a_multi_label_set_images_that_show_the_class_are_drawn():
    images = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    labels = np.array([[1, 1], [0, 1], [1, 0], [0, 0]], np.uint8)
    drawn = draw_of_class(LabeledImages(images, labels, ("a", "b")), 1, 3, seed=0)
    assert sorted(tile[0, 0, 0] for tile in drawn[:2]) == [0, 1]
    assert drawn[2] is None
