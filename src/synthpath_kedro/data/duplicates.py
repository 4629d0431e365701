"""Images that are the same, pixel by pixel."""

import hashlib
from collections.abc import Mapping, Set

import numpy as np


def hash_images(images: np.ndarray) -> dict[bytes, list[int]]:
    """Indices of the images by digest of their pixels, those of a single color left out."""
    places: dict[bytes, list[int]] = {}
    for index, image in enumerate(images):
        if np.any(image != image[0, 0]):
            digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            places.setdefault(digest, []).append(index)
    return places


def indices_of(places: Mapping[bytes, list[int]], digests: Set[bytes]) -> np.ndarray:
    return np.array(sorted(index for digest in digests & places.keys() for index in places[digest]), dtype=np.int64)
