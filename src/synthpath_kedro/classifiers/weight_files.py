"""Finds a backbone's weights on this machine; light to import, so that a run can ask before it starts."""

from pathlib import Path
from typing import TYPE_CHECKING

from synthpath_kedro.errors import InputError

if TYPE_CHECKING:
    from synthpath_kedro.hub import BlockName

FILENAMES = ("model.safetensors", "pytorch_model.bin")
CONFIGURATION = "config.json"


def weights_in(folder: Path) -> Path | None:
    """The file with the weights in a folder of the hub's layout, safetensors first; None where there is none."""
    return next((folder / name for name in FILENAMES if (folder / name).is_file()), None)


def local_weights(weights: str, block: "BlockName") -> Path:
    """The file that the parameter ``weights`` names, or the one in the folder that it names.

    Raises:
        InputError: neither a file nor a folder with one.
    """
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    found = weights_in(path)
    if found is not None:
        return found
    problem = f"has neither {' nor '.join(FILENAMES)}" if path.is_dir() else "is neither a file nor a folder"
    valid = "pretrained, random," if block.random_weights else "pretrained,"
    raise InputError(
        f"{block.key('weights')} is {weights!r}, which {problem}; "
        f"valid: {valid} a safetensors or PyTorch state-dict file, or a folder that holds one"
    )
