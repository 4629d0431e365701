import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from synthpath_kedro.metrics import neighbors
from synthpath_kedro.metrics.neighbors import nearest_neighbors


@pytest.mark.parametrize("k", [1, 5, 30])
def test_neighbors_are_scikit_learns(k, monkeypatch):
    monkeypatch.setattr(neighbors, "_BLOCK_BYTES", 4 * 400 * 37)
    rng = np.random.default_rng(0)
    points, queries = rng.normal(3, 1, (400, 16)), rng.normal(3, 1, (150, 16))
    distances, indices = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors(queries)
    found = nearest_neighbors(queries, points, k)
    assert (found.indices == indices).all()
    np.testing.assert_allclose(found.distances, distances, rtol=1e-5)


def test_points_among_themselves_are_not_their_own_neighbors(monkeypatch):
    monkeypatch.setattr(neighbors, "_BLOCK_BYTES", 4 * 90 * 7)
    points = np.random.default_rng(1).normal(size=(90, 4))
    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    found = nearest_neighbors(points, k=2)
    assert (found.indices == distances.argsort(axis=1)[:, :2]).all()
    assert nearest_neighbors(points, k=89).indices.shape == (90, 89)


def test_a_copy_is_at_distance_zero_however_far_from_the_origin():
    points = np.random.default_rng(2).integers(0, 256, (500, 3072), dtype=np.uint8)
    found = nearest_neighbors(points[100:120], points)
    assert (found.distances == 0).all()
    assert found.indices[:, 0].tolist() == list(range(100, 120))


def test_of_equally_near_points_the_first_comes_first():
    points = np.zeros((5, 2))
    assert nearest_neighbors(np.ones((1, 2)), points, 3).indices.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("k", [0, 4])
def test_more_neighbors_than_points_are_refused(k):
    with pytest.raises(ValueError, match=r"k must lie in 1 \.\.\. 3"):
        nearest_neighbors(np.zeros((4, 2)), k=k)
