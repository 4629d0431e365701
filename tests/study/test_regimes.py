from fractions import Fraction

import pytest

from synthpath_kedro.study.regimes import REGIMES


@pytest.mark.parametrize(
    ("regime", "share", "augment", "baseline"),
    [
        ("real", Fraction(0), False, None),
        ("synthetic", Fraction(1), False, "real"),
        ("mixed", Fraction(3, 10), False, "real"),
        ("real_augmented", Fraction(0), True, None),
        ("mixed_augmented", Fraction(3, 10), True, "real_augmented"),
    ],
)
def test_a_regime_says_its_share_its_augmentation_and_its_baseline(regime, share, augment, baseline) -> None:
    assert REGIMES[regime].share(0.3) == share
    assert (REGIMES[regime].augment, REGIMES[regime].baseline) == (augment, baseline)


def test_a_cell_needs_a_synthetic_set_unless_the_share_is_none() -> None:
    assert [name for name, regime in REGIMES.items() if not regime.uses_synthetic] == ["real", "real_augmented"]


def test_a_regime_is_compared_with_one_of_its_own_augmentation_that_is_a_baseline() -> None:
    for regime in REGIMES.values():
        if regime.baseline is not None:
            assert REGIMES[regime.baseline].augment == regime.augment
            assert REGIMES[regime.baseline].baseline is None


def test_no_two_regimes_look_alike() -> None:
    for attribute in ("label", "color", "marker"):
        assert len({getattr(regime, attribute) for regime in REGIMES.values()}) == len(REGIMES)
