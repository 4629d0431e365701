from fractions import Fraction

import pytest

from synthpath_kedro.study.regimes import REGIMES, Regime


@pytest.mark.parametrize(
    ("regime", "share", "length", "augment", "baseline"),
    [
        ("real", Fraction(0), 1, False, None),
        ("synthetic", Fraction(1), 1, False, "real"),
        ("mixed", Fraction(3, 10), 1, False, "real"),
        ("real_augmented", Fraction(0), 1, True, "real"),
        ("mixed_augmented", Fraction(3, 10), 1, True, "real_augmented"),
        ("real_plus_synthetic", Fraction(3, 10), Fraction(10, 7), False, "real_repeated"),
        ("real_repeated", Fraction(0), Fraction(10, 7), False, "real"),
        ("real_balanced", Fraction(0), 1, False, "real"),
    ],
)
def test_a_regime_says_its_share_its_length_its_augmentation_and_its_baseline(
    regime, share, length, augment, baseline
) -> None:
    found = REGIMES[regime]
    assert (found.share(0.3), found.length(0.3)) == (share, length)
    assert (found.augment, found.baseline) == (augment, baseline)


def test_a_cell_needs_a_synthetic_set_unless_the_share_is_none() -> None:
    without = ["real", "real_augmented", "real_repeated", "real_balanced"]
    assert [name for name, regime in REGIMES.items() if not regime.uses_synthetic] == without
    assert [name for name, regime in REGIMES.items() if regime.is_control] == without[1:]


def test_a_regime_with_synthetic_images_has_a_baseline_that_differs_in_nothing_but_them() -> None:
    for regime in REGIMES.values():
        if regime.uses_synthetic:
            baseline = REGIMES[str(regime.baseline)]
            assert not baseline.uses_synthetic
            assert (baseline.augment, baseline.length(0.3)) == (regime.augment, regime.length(0.3))


def test_every_chain_of_baselines_ends_at_real() -> None:
    for regime in REGIMES.values():
        seen = [regime.name]
        while (baseline := REGIMES[seen[-1]].baseline) is not None:
            assert baseline not in seen
            seen.append(baseline)
        assert seen[-1] == "real"


@pytest.mark.parametrize(
    ("regime", "synthetic_set", "ratio", "subject"),
    [
        ("mixed", "", 0.5, "Replacing half of every batch by synthetic images"),
        ("mixed", "gan", 0.3, "Replacing 30 % of every batch by synthetic images (gan)"),
        ("mixed", "", None, "Replacing a share of every batch by synthetic images"),
        ("mixed_augmented", "", 0.25, "Replacing a quarter of every augmented batch by synthetic images"),
        ("synthetic", "gan", 0.5, "Training on synthetic images (gan) alone"),
        ("real_plus_synthetic", "gan", 0.5, "Adding synthetic images (gan) to the real ones"),
        ("real_repeated", "", 0.5, "Repeating the real images for more steps"),
        ("real_balanced", "", 0.5, "Sampling every class of the real images equally often"),
    ],
)
def test_the_subject_of_a_sentence_says_what_is_done(regime, synthetic_set, ratio, subject) -> None:
    assert REGIMES[regime].sentence_subject(synthetic_set, ratio) == subject


def test_a_regime_without_a_subject_goes_by_its_label() -> None:
    assert Regime("quarter", "a quarter synthetic", 0.25).sentence_subject() == (
        "Training under the regime a quarter synthetic"
    )


def test_no_two_regimes_look_alike() -> None:
    for attribute in ("label", "subject", "color"):
        assert len({getattr(regime, attribute) for regime in REGIMES.values()}) == len(REGIMES)


def test_a_label_has_no_comma_so_that_lists_of_labels_can_be_read() -> None:
    assert not [regime.label for regime in REGIMES.values() if "," in regime.label]
