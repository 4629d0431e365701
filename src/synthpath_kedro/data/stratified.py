"""Seeded draws that keep the share of every class, and splits that keep patients together."""

import numpy as np

from synthpath_kedro.errors import InputError

_TRAIN, _VAL, _TEST = range(3)


def stratified_subset(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Draws ``n`` indices so that every class keeps its share.

    Counts per class follow the largest-remainder rule; a class that would come out empty takes one place from the
    class most above its share, as long as there are places for all classes.

    Args:
        labels: int [N], or [N, classes] for a multi-label set, where each combination of labels is a stratum.
        n: images to draw, 0 or more; all where there are fewer.
        seed: decides which images of a class are drawn.

    Returns:
        int64 [min(n, N)], ascending.
    """
    if n < 0:
        raise ValueError(f"n is {n}; it must be 0 or more")
    if n >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    strata, sizes = _strata(labels)
    counts = _share_out(n, sizes / sizes.sum())
    if n >= len(sizes):
        counts = _leave_none_empty(counts, sizes * n / sizes.sum())
    ranks = _shuffled_ranks(strata, len(sizes), np.random.default_rng(seed))
    return np.flatnonzero(ranks < counts[strata])


def stratified_split(
    labels: np.ndarray, groups: np.ndarray | None, val: float, test: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splits indices into training, validation and test set so that every class keeps its share in each.

    Without groups, a class's counts differ from its shares by less than one image, except that a class of three or
    more stands in every split (two: training and test; one: training). With groups, each group goes whole to the
    split whose class counts it brings closest to their targets (chi-square), largest groups first.

    Args:
        labels: int [N], or [N, classes] for a multi-label set.
        groups: int [N], the patient or slide of each image; None where that is not known.
        val: share of the validation set, 0 to 1.
        test: share of the test set, 0 to 1; val + test is below 1.
        seed: decides which images, or which of equally good groups, go where.

    Returns:
        Three int64 arrays, ascending, disjoint, that cover 0 to N - 1.

    Raises:
        InputError: there are fewer groups than splits to fill.
    """
    shares = np.array([1 - val - test, val, test])
    strata, sizes = _strata(labels)
    generator = np.random.default_rng(seed)
    if groups is None:
        split = _split_images(strata, sizes, shares, generator)
    else:
        codes = np.unique(groups, return_inverse=True)[1].reshape(-1)
        split = _split_groups(_counts_of_groups(codes, strata), shares, generator)[codes]
    return np.flatnonzero(split == _TRAIN), np.flatnonzero(split == _VAL), np.flatnonzero(split == _TEST)


def _strata(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes [N] of the distinct labels (rows of a multi-label set) and how many images each has."""
    _, codes, sizes = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    return codes.reshape(-1), sizes


def _share_out(n: int, shares: np.ndarray) -> np.ndarray:
    """Largest-remainder rule: whole counts that add up to ``n``, each within one of its quota; ties go to the first."""
    quotas = np.round(n * shares, 9)
    counts = np.floor(quotas).astype(np.int64)
    first = np.argsort(counts - quotas, kind="stable")
    counts[first[: n - counts.sum()]] += 1
    return counts


def _leave_none_empty(counts: np.ndarray, quotas: np.ndarray) -> np.ndarray:
    counts = counts.copy()
    for empty in np.flatnonzero(counts == 0):
        excess = np.where(counts > 1, counts - quotas, -np.inf)
        counts[np.argmax(excess)] -= 1
        counts[empty] += 1
    return counts


def _shuffled_ranks(strata: np.ndarray, n_strata: int, generator: np.random.Generator) -> np.ndarray:
    """Each image's place in a random order of its own stratum, from 0."""
    order = generator.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata, minlength=n_strata)
    ranks = np.empty(len(strata), dtype=np.int64)
    ranks[order] = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def _split_images(
    strata: np.ndarray, sizes: np.ndarray, shares: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """The split [N] of each image."""
    counts = np.stack([_counts_of_class(int(size), shares) for size in sizes])
    ranks = _shuffled_ranks(strata, len(sizes), generator)
    ends_of_test = counts[strata, _TEST]
    ends_of_val = ends_of_test + counts[strata, _VAL]
    return np.select([ranks < ends_of_test, ranks < ends_of_val], [_TEST, _VAL], _TRAIN)


def _counts_of_class(size: int, shares: np.ndarray) -> np.ndarray:
    """Images of one class in each split; where they are too few for all splits, training comes first, then test."""
    wanted = [split for split in (_TRAIN, _TEST, _VAL) if shares[split] > 0]
    if size <= len(wanted):
        return np.bincount(wanted[:size], minlength=3)
    counts = _share_out(size, shares)
    kept = np.array(wanted)
    counts[kept] = _leave_none_empty(counts[kept], size * shares[kept])
    return counts


def _counts_of_groups(codes: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """int64 [groups, strata]: images of each stratum in each group."""
    counts = np.zeros((codes.max() + 1, strata.max() + 1), dtype=np.int64)
    np.add.at(counts, (codes, strata), 1)
    return counts


def _split_groups(counts: np.ndarray, shares: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The split [groups] of each group."""
    wanted = np.flatnonzero(shares > 0)
    if len(counts) < len(wanted):
        raise InputError(
            f"data_prep.group finds {len(counts)} group(s), too few for {len(wanted)} splits; "
            "check the expression, or set data_prep.split.val or data_prep.split.test to 0"
        )
    order = _largest_first(counts, generator)
    targets = np.outer(shares, counts.sum(axis=0))
    placed = np.zeros_like(targets)
    still_to_place = (counts > 0).sum(axis=0)
    split_of = np.empty(len(counts), dtype=np.int64)
    for position, group in enumerate(order):
        present = counts[group] > 0
        empty = wanted[placed[wanted].sum(axis=1) == 0]
        if np.any(present & (placed[_TRAIN] == 0) & (still_to_place == 1)):
            open_splits = np.array([_TRAIN])  # the last chance to train on a class
        elif len(order) - position <= len(empty):
            open_splits = empty
        else:
            open_splits = wanted
        misfit = _misfit_added(counts[group], placed[open_splits], targets[open_splits])
        split_of[group] = split = open_splits[np.argmin(misfit)]
        placed[split] += counts[group]
        still_to_place -= present
    return split_of


def _largest_first(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Groups by falling size, in a random order among equals."""
    order = generator.permutation(len(counts))
    return order[np.argsort(-counts[order].sum(axis=1), kind="stable")]


def _misfit_added(group: np.ndarray, placed: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Change of chi-square against ``targets`` [splits, strata] if ``group`` [strata] went to each of the splits."""
    return ((group * (group + 2 * (placed - targets))) / targets).sum(axis=1)
