"""Where images come from: one module a source, all giving the same splits."""

from pathlib import Path

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.data.preprocessing import prepare
from synthpath_kedro.data.splits import Splits
from synthpath_kedro.data.validation import validate_splits
from synthpath_kedro.parameters import DataPrepParameters

DEFAULT_MEDMNIST = "pathmnist"


def read_source(params: DataPrepParameters, seed: int, raw_folder: Path) -> Splits:
    """Reads the data set that ``params`` names as RGB squares of ``params.image_size``, and validates it.

    Args:
        params: the parameters data_prep.
        seed: decides split and phantom, where the source leaves them open.
        raw_folder: where downloads are kept when data_prep.path is null.

    Returns:
        The three sets; their cards say ``source``, ``name`` and what else the source knows of itself.

    Raises:
        InputError: the data are missing, broken, not what the parameters say, or unfit for a study.
    """
    splits = prepare(_read(params, seed, raw_folder), params.image_size)
    named = splits.map(lambda images: _name(images, params))
    return validate_splits(named, params.duplicates_across_splits, params.conflicting_labels)


def _read(params: DataPrepParameters, seed: int, raw_folder: Path) -> Splits:
    match params.source:
        case "medmnist":
            from synthpath_kedro.data.sources.medmnist import read_medmnist

            return read_medmnist(params, raw_folder)
        case "npz":
            from synthpath_kedro.data.sources.npz import read_npz

            return read_npz(params)
        case "image_folder":
            from synthpath_kedro.data.sources.image_folder import read_image_folder

            return read_image_folder(params, seed)
        case "phantom":
            from synthpath_kedro.data.sources.phantom import render_phantom

            return render_phantom(params.phantom, params.image_size, seed)


def _name(images: LabeledImages, params: DataPrepParameters) -> LabeledImages:
    return images.with_card(source=params.source, name=_data_name(params), phantom=params.source == "phantom")


def _data_name(params: DataPrepParameters) -> str:
    """What tables and report call the data."""
    match params.source:
        case "medmnist":
            return (params.name or DEFAULT_MEDMNIST).lower()
        case "phantom":
            return params.name or "digital phantom"
        case _:
            return params.name or Path(params.path or "").expanduser().resolve().stem
