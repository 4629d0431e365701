import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from synthpath_kedro.metrics.membership import ScoredImages, membership_inference

CLASSES = 9
SCALES = np.exp(0.3 * np.arange(CLASSES))
EVEN = np.full(CLASSES, 1 / CLASSES)


def of_one_class(scores, groups=None):
    return ScoredImages(np.asarray(scores, float), np.zeros(len(scores), int), groups)


def losses_of_classes(n, rng, mix=EVEN, memorized=0.0, n_patients=None, first_patient=0):
    """Losses whose place and spread depend on the class, and on the patient; some far lower than they should be."""
    labels = rng.choice(CLASSES, n, p=mix)
    deviations, groups = rng.standard_t(4, n), None
    if n_patients is not None:
        groups = rng.integers(0, n_patients, n)
        deviations += rng.normal(size=n_patients)[groups]
        groups += first_patient
    deviations[rng.permutation(n)[: round(memorized * n)]] -= 8
    return ScoredImages(3 * labels + SCALES[labels] * deviations, labels, groups)


def test_auc_of_one_class_is_scikit_learns():
    rng = np.random.default_rng(0)
    train, held_out = rng.normal(0, 1, 300).round(1), rng.normal(0.3, 1, 200).round(1)
    oracle = roc_auc_score(np.r_[np.ones(300), np.zeros(200)], -np.r_[train, held_out])
    found = membership_inference(of_one_class(train), of_one_class(held_out))
    assert found.auc.value == pytest.approx(oracle)
    assert found.auc.low < found.auc.value < found.auc.high
    assert (found.n_train, found.n_held_out, found.train_groups) == (300, 200, None)


def test_auc_within_class_is_the_share_of_all_pairs_of_a_class():
    rng = np.random.default_rng(1)
    train, held_out = losses_of_classes(150, rng, rng.dirichlet(EVEN * 9)), losses_of_classes(100, rng)
    train, held_out = (ScoredImages(one.scores.round(), one.labels) for one in (train, held_out))
    wins = [
        (low < high) + (low == high) / 2
        for low, label in zip(train.scores, train.labels, strict=True)
        for high, other in zip(held_out.scores, held_out.labels, strict=True)
        if label == other and (train.labels == label).sum() > 1 and (held_out.labels == label).sum() > 1
    ]
    assert membership_inference(train, held_out).auc.value == pytest.approx(np.mean(wins))


def test_delongs_variance_of_five_losses_by_hand():
    found = membership_inference(of_one_class([1, 3]), of_one_class([2, 4, 5])).auc
    parts = np.var([1, 2 / 3], ddof=1) / 2, np.var([1 / 2, 1, 1], ddof=1) / 3
    df = sum(parts) ** 2 / (parts[0] ** 2 / 1 + parts[1] ** 2 / 2)
    assert found.value == pytest.approx(5 / 6)
    assert found.low == pytest.approx(5 / 6 - stats.t.ppf(0.975, df) * np.sqrt(sum(parts)))
    assert found.high == 1


def test_obuchowskis_variance_of_patients_by_hand():
    """Her equations of section 2: sums over a patient's images of their components about the AUC, I / (I - 1)."""
    rng = np.random.default_rng(2)
    scores, groups = rng.normal(0, 1, 40), np.repeat(np.arange(8), 5)
    others, other_groups = rng.normal(0.5, 1, 24), np.repeat(np.arange(10, 16), 4)
    found = membership_inference(of_one_class(scores, groups), of_one_class(others, other_groups)).auc
    wins = scores[:, None] < others
    auc = wins.mean()
    sums = [(wins.mean(axis=1) - auc).reshape(8, 5).sum(axis=1), (wins.mean(axis=0) - auc).reshape(6, 4).sum(axis=1)]
    parts = [8 / 7 * (sums[0] ** 2).sum() / 40**2, 6 / 5 * (sums[1] ** 2).sum() / 24**2]
    df = sum(parts) ** 2 / (parts[0] ** 2 / 7 + parts[1] ** 2 / 5)
    assert (found.value - found.low) == pytest.approx(stats.t.ppf(0.975, df) * np.sqrt(sum(parts)))


def test_a_patient_in_both_sets_adds_the_covariance():
    rng = np.random.default_rng(3)
    shared, scores = np.repeat(np.arange(20), 5), rng.normal(size=(2, 100))
    scores += rng.normal(size=20)[shared]
    apart = membership_inference(of_one_class(scores[0], shared), of_one_class(scores[1], shared + 20)).auc
    together = membership_inference(of_one_class(scores[0], shared), of_one_class(scores[1], shared)).auc
    assert together.value == apart.value
    assert together.high - together.low < (apart.high - apart.low) * 0.8


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [
        membership_inference(of_one_class(rng.normal(0, 1, 150)), of_one_class(rng.normal(0, 1, 100))).auc
        for _ in range(600)
    ]
    assert np.mean([one.low <= 0.5 <= one.high for one in found]) == pytest.approx(0.95, abs=0.02)


def test_perfect_separation_still_has_an_interval():
    low, high = of_one_class(np.arange(50)), of_one_class(np.arange(100, 130))
    found = membership_inference(low, high).auc
    assert (found.value, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / 30))
    assert membership_inference(high, low).auc.low == 0


def test_another_mix_of_classes_in_the_validation_set_accuses_nobody():
    """The classes with high losses come more often among held-out images: over all classes that looks like a leak."""
    mix = np.arange(1, CLASSES + 1) / 45
    alarms, pooled_alarms = 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        train, held_out = losses_of_classes(180, rng, mix[::-1]), losses_of_classes(180, rng, mix)
        alarms += membership_inference(train, held_out).leak
        pooled_alarms += membership_inference(of_one_class(train.scores), of_one_class(held_out.scores)).leak
    assert pooled_alarms == 200
    assert alarms / 200 <= 0.08


@pytest.mark.parametrize(
    ("n_train", "n_held_out", "patients"),
    [(180, 180, None), (200, 120, None), (2000, 200, None), (400, 300, (12, 8)), (2000, 1000, (60, 30))],
)
def test_fair_losses_seldom_raise_the_alarm(n_train, n_held_out, patients):
    train_patients, held_out_patients = patients or (None, None)
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        train = losses_of_classes(n_train, rng, rng.dirichlet(EVEN * 18), 0, train_patients)
        held_out = losses_of_classes(n_held_out, rng, rng.dirichlet(EVEN * 18), 0, held_out_patients, 1000)
        alarms += membership_inference(train, held_out).leak
    assert alarms / 200 <= 0.08


def test_patients_taken_for_single_images_would_raise_it_often():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        train, held_out = losses_of_classes(400, rng, n_patients=12), losses_of_classes(300, rng, n_patients=8)
        alarms += membership_inference(*(ScoredImages(one.scores, one.labels) for one in (train, held_out))).leak
    assert alarms / 100 > 0.15


@pytest.mark.parametrize(("memorized", "found_in_auc", "found"), [(0.05, 0.4, 0.9), (0.3, 1.0, 1.0)])
def test_memorized_images_are_found_even_if_they_are_few(memorized, found_in_auc, found):
    results = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        results.append(membership_inference(losses_of_classes(400, rng, EVEN, memorized), losses_of_classes(400, rng)))
    assert np.mean([one.auc.low > 0.5 for one in results]) <= found_in_auc
    assert np.mean([one.leak for one in results]) >= found
    assert np.mean([one.tpr.value for one in results]) == pytest.approx(memorized, abs=0.01)


def test_true_positives_are_counted_below_the_second_of_two_hundred_held_out_images():
    held_out = np.arange(200.0)
    found = membership_inference(of_one_class([-5, 0, 1, 1.5, *range(2, 98)]), of_one_class(held_out)).tpr
    assert found.value == pytest.approx(3 / 100)


def test_held_out_images_count_as_much_as_the_training_images_of_their_class():
    """Of 100 held-out images 90 are of a class that makes up a half of training: five of them are 2.8 % there."""
    labels = np.repeat([0, 1], [90, 10])
    held_out = ScoredImages(np.r_[np.zeros(1), np.full(89, 10.0), np.full(10, 10.0)], labels)
    train = ScoredImages(np.r_[np.zeros(4), np.full(46, 10.0), np.full(50, 10.0)], np.repeat([0, 1], 50))
    assert membership_inference(train, held_out).tpr.value == pytest.approx(0.04)
    few = ScoredImages(held_out.scores[45:], labels[45:])
    assert np.isnan(membership_inference(train, few).tpr.value)


def test_fewer_than_a_hundred_held_out_images_leave_the_true_positive_rate_undefined():
    rng = np.random.default_rng(0)
    found = membership_inference(of_one_class(rng.normal(-9, 1, 200)), of_one_class(rng.normal(0, 1, 99)))
    assert np.isnan([found.tpr.value, found.tpr.low, found.tpr.high]).all()
    assert found.leak


def test_classes_that_cannot_be_compared_are_left_out_and_counted_so():
    train = ScoredImages(np.arange(7.0), np.array([0, 0, 1, 1, 1, 2, 3]))
    held_out = ScoredImages(np.arange(6.0), np.array([0, 0, 0, 1, 2, 2]))
    found = membership_inference(train, held_out)
    assert (found.n_train, found.n_held_out) == (2, 3)
    one_patient = ScoredImages(train.scores, train.labels, np.zeros(7, int))
    of_another_class = ScoredImages(np.arange(2.0), np.array([4, 4]))
    for nothing in (
        membership_inference(train, of_another_class),
        membership_inference(one_patient, ScoredImages(held_out.scores, held_out.labels, np.arange(6) + 1)),
    ):
        assert np.isnan([nothing.auc.value, nothing.tpr.value]).all()
        assert (nothing.n_train, nothing.n_held_out, nothing.leak) == (0, 0, False)


def test_losses_that_are_all_the_same_tell_nothing():
    found = membership_inference(of_one_class(np.ones(200)), of_one_class(np.ones(200)))
    assert (found.auc.value, found.auc.low, found.leak) == (0.5, 0.5, False)
