"""The oracle: fresh tiles of the digital phantom's own distribution, which no real data can give."""

import numpy as np

from synthpath_kedro.data.phantom.render import render_tiles
from synthpath_kedro.data.sources.phantom import ORACLE
from synthpath_kedro.data.synthetic import SyntheticSet, from_arrays
from synthpath_kedro.diffusion.allocation import allocate, interleaved_labels
from synthpath_kedro.errors import InputError
from synthpath_kedro.generators.request import Request


def generate(request: Request) -> SyntheticSet:
    """Renders tiles from a random stream that no split uses.

    Raises:
        InputError: the real images are no phantom.
    """
    train = request.real.train
    if not train.phantom:
        raise InputError(
            f"the synthetic set {request.name} has source phantom, which is for data_prep.source phantom alone: nobody "
            f"can render {train.name}; use image_folder or npz"
        )
    counts = allocate(request.params, train.class_names, train.class_counts)
    labels = interleaved_labels(counts)
    images = render_tiles(labels, train.image_size, (request.seed, ORACLE), 0.0)
    return from_arrays(
        images,
        labels.astype(np.int64),
        train.class_names,
        request.params.shard_size,
        name=request.name,
        source=request.source.source,
        prepared=train.prepared,
        phantom=True,
        parameters={"allocation": request.params.allocation, "stain_shift": 0.0},
        seed=request.seed,
    )
