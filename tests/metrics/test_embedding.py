import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from synthpath_kedro.metrics.embedding import joint_tsne, knn_mixing


def _clusters(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return rng.normal(size=(n, 20)) + 12 * np.eye(3, 20)[labels] + shift, labels


def test_clusters_stay_apart_and_neighbors_stay_neighbors():
    (real, labels), (synthetic, _) = _clusters(90, 0), _clusters(60, 1)
    xy_real, xy_synthetic = joint_tsne([real, synthetic], perplexity=15.0, seed=0)
    assert xy_real.shape == (90, 2)
    assert xy_synthetic.shape == (60, 2)
    xy = np.concatenate([xy_real, xy_synthetic])
    assert trustworthiness(np.concatenate([real, synthetic]), xy, n_neighbors=10) > 0.9
    centers = np.stack([xy_real[labels == c].mean(0) for c in range(3)])
    assert (np.linalg.norm(xy_real[:, None] - centers, axis=2).argmin(1) == labels).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_same_seed_gives_the_same_picture(n_jobs):
    (real, _), (synthetic, _) = _clusters(200, 0), _clusters(150, 1)
    first, again = (joint_tsne([real, synthetic], perplexity=30.0, seed=3, n_jobs=n_jobs) for _ in range(2))
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()


@pytest.mark.parametrize("n", [2, 3, 8])
def test_perplexity_is_bounded_by_the_images_there_are(n):
    (real, _), (synthetic, _) = _clusters(n, 0), _clusters(n, 1)
    for xy in joint_tsne([real, synthetic], perplexity=30.0, seed=0):
        assert np.isfinite(xy).all()


def test_features_that_do_not_vary_lie_on_one_point():
    xy_real, xy_synthetic = joint_tsne([np.ones((5, 4)), np.ones((6, 4))], perplexity=30.0, seed=0)
    assert not xy_real.any()
    assert xy_synthetic.shape == (6, 2)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        joint_tsne([np.full((5, 4), np.nan), np.ones((6, 4))], perplexity=30.0, seed=0)


def test_draws_from_the_same_distribution_mix_as_expected():
    (real, labels), (synthetic, synthetic_labels) = _clusters(1500, 0), _clusters(900, 1)
    table = knn_mixing(real, synthetic, labels, synthetic_labels, k=10)
    assert table["class"].tolist() == [0, 1, 2, -1]
    assert table["n"].tolist() == [300, 300, 300, 900]
    np.testing.assert_allclose(table["real_share"], 1500 / 2399, atol=0.03)
    assert (table["expected_real_share"] == 1500 / 2399).all()
    assert (table["class_agreement"] == 1).all()


def test_a_shifted_set_keeps_to_itself():
    (real, labels), (synthetic, synthetic_labels) = _clusters(300, 0), _clusters(300, 1, shift=100)
    table = knn_mixing(real, synthetic, labels, synthetic_labels, k=5)
    assert (table["real_share"] == 0).all()
    assert table["real_class_agreement"].isna().all()


def test_mixing_of_five_points_by_hand():
    real, synthetic = np.array([[0.0], [1.0], [10.0]]), np.array([[0.4], [9.0]])
    table = knn_mixing(real, synthetic, np.array([0, 1, 1]), np.array([0, 1]), k=2).set_index("class")
    assert table["real_share"].tolist() == [1, 1, 1]
    assert table["class_agreement"].tolist() == [0.5, 1, 0.75]
