"""A backbone's first weights: published, from a file or folder, or random, all loaded and checked the same way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import BackboneParameters

State = dict[str, Tensor]

_FILENAMES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Published:
    """A backbone's published weights.

    Attributes:
        name: what tables call them: the data they were trained on.
        fetch: gives the file, downloading it where it must.
    """

    name: str
    fetch: Callable[[], Path]


def load_weights(
    network: nn.Module,
    model: str,
    backbone: BackboneParameters,
    published: Published,
    adapt: Callable[[State], State] = dict,
) -> str:
    """Gives ``network`` the weights that ``backbone.weights`` asks for; its own first weights are the random ones.

    Args:
        network: the backbone, randomly initialized.
        model: its name in the parameters, for errors.
        backbone: its block of parameters.
        published: what 'pretrained' means.
        adapt: from a file's layout to the network's (names, sizes of position embeddings).

    Returns:
        What tables call the weights.

    Raises:
        InputError: the file is missing, damaged, or does not fit the variant.
    """
    path = locate(model, backbone, published)
    state = network.state_dict() if path is None else _adapted(read_state(path, model), adapt, path, model, backbone)
    _check(network.state_dict(), state, path, model, backbone)
    network.load_state_dict(state)
    if path is None:
        return "random"
    return published.name if backbone.weights == "pretrained" else f"file:{Path(backbone.weights).name}"


def locate(model: str, backbone: BackboneParameters, published: Published) -> Path | None:
    """The file with the weights; None for random ones.

    Raises:
        InputError: neither a file nor a folder with one.
    """
    if backbone.weights == "random":
        return None
    if backbone.weights == "pretrained":
        return published.fetch()
    path = Path(backbone.weights).expanduser()
    if path.is_file():
        return path
    found = [path / name for name in _FILENAMES if (path / name).is_file()]
    if found:
        return found[0]
    problem = f"has neither {' nor '.join(_FILENAMES)}" if path.is_dir() else "is neither a file nor a folder"
    raise InputError(
        f"classification.{model}.weights is {backbone.weights!r}, which {problem}; "
        "valid: pretrained, random, a safetensors or PyTorch state-dict file, or a folder that holds one"
    )


def read_state(path: Path, model: str) -> State:
    """The tensors of a safetensors file, or of a PyTorch file read without running any code.

    Raises:
        InputError: the file cannot be read as either.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, model, str(error)) from error
    except UnpicklingError as error:
        raise _unreadable(path, model, "it holds more than tensors") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unreadable(path, model, "it is not a state dict")
    return dict(state)


def _unreadable(path: Path, model: str, reason: str) -> InputError:
    first_line = (reason.splitlines() or ["it is empty"])[0]
    return InputError(
        f"classification.{model}.weights: cannot read {path} ({first_line}); "
        "give a whole safetensors file or a PyTorch state dict"
    )


def _adapted(
    state: State, adapt: Callable[[State], State], path: Path, model: str, backbone: BackboneParameters
) -> State:
    try:
        return adapt(state)
    except (KeyError, RuntimeError, ValueError, AttributeError, IndexError) as error:
        raise _misfit(path, model, backbone, f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _check(
    expected: Mapping[str, Tensor], state: State, path: Path | None, model: str, backbone: BackboneParameters
) -> None:
    missing = sorted(expected.keys() - state.keys())
    surplus = sorted(state.keys() - expected.keys())
    other = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    for problem, names in (("lacks", missing), ("has too many:", surplus), ("has another shape of", other)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise _misfit(path, model, backbone, f"it {problem} {names[0]}{more}")


def _misfit(path: Path | None, model: str, backbone: BackboneParameters, reason: str) -> InputError:
    return InputError(
        f"classification.{model}.weights: {path} does not fit classification.{model}.variant {backbone.variant!r} "
        f"({reason}); give the file of that variant, or the variant of that file"
    )
