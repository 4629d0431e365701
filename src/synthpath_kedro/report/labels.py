"""What tables and figures call models, regimes and attacks."""

from collections.abc import Iterable

from synthpath_kedro.study.models import FAMILIES
from synthpath_kedro.study.regimes import REGIMES

_ATTACKS = {"noise": "random noise", "fgsm": "FGSM", "bim": "BIM", "pgd20": "PGD-20", "autoattack": "AutoAttack"}


def model_label(model: str) -> str:
    """The model's name in print; its own where none is known."""
    return FAMILIES[model].label if model in FAMILIES else model


def attack_label(attack: str) -> str:
    """The attack's name in print; its own where none is known."""
    return _ATTACKS.get(attack, attack)


def ordered_models(models: Iterable[str]) -> list[str]:
    """Each model once: the study's order first, then those it does not know by name."""
    return _ordered(models, tuple(FAMILIES))


def ordered_regimes(regimes: Iterable[str]) -> list[str]:
    """Each regime once: real, synthetic, mixed, then any other by name."""
    return _ordered(regimes, tuple(REGIMES))


def ordered_attacks(attacks: Iterable[str]) -> list[str]:
    """Each attack once: the study's three, then any other by name."""
    return _ordered(attacks, tuple(_ATTACKS))


def eps_label(eps: float) -> str:
    """A budget in [0, 1] pixel units, in gray levels where it is a whole number of them: "8/255"."""
    levels = eps * 255
    return f"{round(levels)}/255" if abs(levels - round(levels)) < 1e-3 else f"{eps:.4g}"


def number(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    """A value in print: three decimals, no minus before a zero, a dash where it is undefined."""
    if value is None or value != value:
        return "\N{EN DASH}"
    return f"{round(float(value), digits) + 0.0:{'+' if signed else ''}.{digits}f}"


def _ordered(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    found = set(names)
    return [name for name in known if name in found] + sorted(found.difference(known))
