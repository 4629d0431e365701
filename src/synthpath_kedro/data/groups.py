"""Patients or slides: codes that mean the same in every split, and the rule that none stands in two."""

from collections.abc import Mapping, Sequence

import numpy as np

from synthpath_kedro.errors import InputError


def encode_groups(names: Mapping[str, Sequence[str] | np.ndarray], where: str) -> dict[str, np.ndarray]:
    """Turns group names into codes: int64 [N] for each split, one code a name across all splits.

    Args:
        names: for each split, the group of each image.
        where: the file or folder, for the message.

    Raises:
        InputError: a group stands in two splits.
    """
    texts = {split: np.asarray(values).astype(str).reshape(-1) for split, values in names.items()}
    known = np.unique(np.concatenate(list(texts.values())))
    refuse_crossing(texts, where)
    return {split: np.searchsorted(known, values).astype(np.int64) for split, values in texts.items()}


def refuse_crossing(groups: Mapping[str, np.ndarray], where: str) -> None:
    """Raises InputError where a group stands in two splits; naming the first few."""
    splits = list(groups)
    for position, first in enumerate(splits):
        for second in splits[position + 1 :]:
            shared = np.intersect1d(groups[first], groups[second])
            if len(shared):
                examples = ", ".join(str(group) for group in shared[:5])
                raise InputError(
                    f"{where}: {len(shared)} group(s) of data_prep.group stand in both {first} and {second} ({examples}"
                    f"{', ...' if len(shared) > 5 else ''}); a patient must not cross splits: move the images, or "
                    "set data_prep.group to what tells patients apart"
                )
