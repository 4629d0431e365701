"""Every image becomes an RGB square of one size."""

from dataclasses import replace

import numpy as np
from PIL import Image

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.splits import Splits

FILTER = Image.Resampling.LANCZOS


def prepare(splits: Splits, image_size: int) -> Splits:
    """RGB, square and ``image_size`` pixels wide; sets that are so already pass through unchanged."""
    return splits.map(lambda images: _prepare_set(images, image_size))


def _prepare_set(images: LabeledImages, image_size: int) -> LabeledImages:
    if images.images.shape[1:] == (image_size, image_size, 3):
        return images
    card = {key: value for key, value in images.card.items() if key != "digest"}
    return replace(images, images=resize_images(to_rgb(images.images), image_size), card=card)


def to_rgb(images: np.ndarray) -> np.ndarray:
    """Repeats a single gray channel three times.

    Args:
        images: uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3].

    Returns:
        uint8 [N, H, W, 3]; read-only where the channel was repeated.
    """
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images of shape {list(images.shape)}; they must be [N, H, W], [N, H, W, 1] or [N, H, W, 3]")
    return np.broadcast_to(images, (*images.shape[:3], 3))


def resize_images(images: np.ndarray, size: int) -> np.ndarray:
    """Crops each image to its central square and resizes that with Pillow's Lanczos filter.

    The filter widens with the factor of reduction, so that a smaller image shows no aliasing.

    Args:
        images: uint8 [N, H, W, 3].
        size: height and width afterwards, in pixels.

    Returns:
        uint8 [N, size, size, 3]; ``images`` itself where it has that size.
    """
    if images.shape[1:3] == (size, size):
        return images
    resized = np.empty((len(images), size, size, 3), dtype=np.uint8)
    for index, image in enumerate(images):
        resized[index] = resize_image(Image.fromarray(np.ascontiguousarray(image)), size)
    return resized


def resize_image(image: Image.Image, size: int) -> np.ndarray:
    """The central square of one RGB image as uint8 [size, size, 3]."""
    side = min(image.size)
    if image.size != (side, side):
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if side != size:
        image = image.resize((size, size), FILTER)
    return np.asarray(image)
