"""What stands in a report's tables, and the one place that turns it into text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

DASH = "\N{EN DASH}"
UNDEFINED = "undefined"
NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Mean:
    """A number over replicates.

    Attributes:
        mean: nan where it is undefined.
        std: between replicates (n - 1); nan for a single one.
        signed: a plus stands before a gain.
    """

    mean: float
    std: float = nan
    signed: bool = False


@dataclass(frozen=True)
class Scores:
    """Several numbers of one cell beside each other: "0.852 / 0.846 / 0.988".

    Attributes:
        ours: of this run; empty where ``absent`` says why.
        published: likewise of the published study; empty where it has none.
        absent: such as "not trained".
    """

    ours: tuple[Mean, ...]
    published: tuple[float, ...] = ()
    absent: str = ""


@dataclass(frozen=True)
class Changed:
    """A number and its change from a clean one: "0.852 (-0.010)".

    Attributes:
        ours: number and change of this run; empty where ``absent`` says why.
        published: likewise of the published study; empty where it has none.
        absent: such as "not run".
    """

    ours: tuple[Mean, ...]
    published: tuple[float, ...] = ()
    absent: str = ""


@dataclass(frozen=True)
class Fixed:
    """A number with so many decimals; a dash where it is undefined."""

    value: float
    signed: bool = False
    digits: int = 3


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval: "0.800 [0.700, 0.900]"."""

    value: float
    ci_low: float
    ci_high: float
    signed: bool = False


@dataclass(frozen=True)
class Range:
    """An interval without its middle: "-0.010 to +0.020"."""

    ci_low: float
    ci_high: float
    signed: bool = False


@dataclass(frozen=True)
class IntervalPlot:
    """A difference and its interval drawn on a line from ``-reach`` to ``reach``; an arrow where it is beyond."""

    difference: float
    ci_low: float
    ci_high: float
    reach: float


@dataclass(frozen=True)
class Verdict:
    """A verdict in words; ``tone`` is helps, hurts or empty, and decides its color."""

    words: str
    tone: str = ""


@dataclass(frozen=True)
class PValue:
    """A p-value."""

    value: float


@dataclass(frozen=True)
class Arrow:
    """A number before and after something: "0.200 → 0.100"."""

    before: float
    after: float
    signed: bool = False


@dataclass(frozen=True)
class Listed:
    """Numbers of several regimes in one place, slashes between them."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Exact:
    """A value as it was given, such as a parameter."""

    value: Any


@dataclass(frozen=True)
class Warned:
    """Text in red."""

    words: str


def number(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    """A value in print: three decimals, no minus before a zero, a dash where it is undefined."""
    if value is None or isnan(value):
        return DASH
    return f"{round(float(value), digits) + 0.0:{'+' if signed else ''}.{digits}f}"


def text(value: Any) -> str:
    """``value`` in print, in one line."""
    formatter = _FORMATTERS.get(type(value))
    return formatter(value) if formatter else _plain(value)


def means_line(value: Scores | Changed) -> str:
    """Our means without their deviations, or why there are none."""
    return value.absent or _joined(value, [_mean(part) for part in value.ours])


def stds_line(value: Scores | Changed) -> str:
    """Our standard deviations, as wide as the means they stand under; empty for one replicate."""
    if value.absent or all(isnan(part.std) for part in value.ours):
        return ""
    return _joined(value, [_std_as_wide_as_mean(part) for part in value.ours])


def published_line(value: Scores | Changed) -> str:
    """The published numbers, or nothing."""
    signed = (False, True) if isinstance(value, Changed) else (False,) * len(value.published)
    return _joined(value, [number(part, signed=sign) for part, sign in zip(value.published, signed, strict=False)])


def is_number(value: Any) -> bool:
    """Whether ``value`` stands at the right of its column."""
    return isinstance(value, int | float | Fixed) and not isinstance(value, bool)


def _joined(value: Scores | Changed, parts: list[str]) -> str:
    if not parts:
        return ""
    return f"{parts[0]} ({parts[1]})" if isinstance(value, Changed) else " / ".join(parts)


def _mean(part: Mean) -> str:
    return UNDEFINED if isnan(part.mean) else number(part.mean, signed=part.signed)


def _std_as_wide_as_mean(part: Mean) -> str:
    if isnan(part.std):
        return DASH
    return f"±{number(part.std)}" if part.signed else f"±{number(part.std).removeprefix('0')}"


def _in_one_line(value: Scores | Changed) -> str:
    parts = [_mean(part) + ("" if isnan(part.std) else f" ± {number(part.std)}") for part in value.ours]
    return value.absent or _joined(value, parts)


def _interval(value: Interval) -> str:
    low, high = (number(end, signed=value.signed) for end in (value.ci_low, value.ci_high))
    middle = number(value.value, signed=value.signed)
    return middle if isnan(value.ci_low) else f"{middle} [{low},{NO_BREAK}{high}]"


def _range(value: Range) -> str:
    if isnan(value.ci_low):
        return ""
    return f"{number(value.ci_low, signed=value.signed)} to {number(value.ci_high, signed=value.signed)}"


def _plot(value: IntervalPlot) -> str:
    within = _range(Range(value.ci_low, value.ci_high, signed=True))
    difference = f"difference {number(value.difference, signed=True)}"
    return f"{difference}, 95 % interval {within}" if within else difference


def _p(value: PValue) -> str:
    return "< 0.001" if value.value < 0.001 else number(value.value)


def _exact(value: Any) -> str:
    match value:
        case None | bool():
            return _plain(value)
        case list() | tuple():
            return ", ".join(map(_exact, value))
        case _:
            return str(value)


def _plain(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return _short(value)
        case list() | tuple():
            return ", ".join(map(_plain, value))
        case _:
            return str(value)


def _short(value: float) -> str:
    if isnan(value):
        return ""
    return number(value) if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3g}"


_FORMATTERS: Mapping[type, Callable[[Any], str]] = {
    Mean: _mean,
    Scores: _in_one_line,
    Changed: _in_one_line,
    Fixed: lambda value: number(value.value, signed=value.signed, digits=value.digits),
    Interval: _interval,
    Range: _range,
    IntervalPlot: _plot,
    Verdict: lambda value: value.words,
    PValue: _p,
    Arrow: lambda value: " → ".join(number(part, signed=value.signed) for part in (value.before, value.after)),
    Listed: lambda value: f"{NO_BREAK}/{NO_BREAK}".join(map(number, value.values)),
    Exact: lambda value: _exact(value.value),
    Warned: lambda value: value.words,
}
