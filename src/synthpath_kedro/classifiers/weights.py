"""A backbone's first weights: published, from a file or folder, or random, all loaded and checked the same way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from synthpath_kedro.classifiers.spec import ClassifierSpec
from synthpath_kedro.classifiers.weight_files import local_weights
from synthpath_kedro.errors import InputError
from synthpath_kedro.hub import BlockName

State = dict[str, Tensor]


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
    spec: ClassifierSpec,
    published: Published,
    adapt: Callable[[State], State] = dict,
) -> str:
    """Gives ``network`` the weights that ``spec.backbone.weights`` asks for; its own first weights are the random ones.

    Args:
        network: the backbone, randomly initialized.
        spec: its parameters, and what they are called.
        published: what 'pretrained' means.
        adapt: from a file's layout to the network's (names, sizes of position embeddings).

    Returns:
        What tables call the weights.

    Raises:
        InputError: the file is missing, damaged, or does not fit the variant.
    """
    path = locate(spec, published)
    if path is None:
        return "random"
    state = _adapted(read_state(path, spec.block), adapt, path, spec)
    _check(network.state_dict(), state, path, spec)
    network.load_state_dict(state)
    weights = spec.backbone.weights
    return published.name if weights == "pretrained" else f"file:{Path(weights).name}"


def locate(spec: ClassifierSpec, published: Published) -> Path | None:
    """The file with the weights; None for random ones.

    Raises:
        InputError: neither a file nor a folder with one.
    """
    if spec.backbone.weights == "random":
        return None
    if spec.backbone.weights == "pretrained":
        return published.fetch()
    return local_weights(spec.backbone.weights, spec.block)


def read_state(path: Path, block: BlockName) -> State:
    """The tensors of a safetensors file, or of a PyTorch file read without running any code.

    Raises:
        InputError: the file cannot be read as either.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, block, str(error)) from error
    except UnpicklingError as error:
        raise _unreadable(path, block, "it holds more than tensors") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise _unreadable(path, block, "it is not a state dict")
    return dict(state)


def _unreadable(path: Path, block: BlockName, reason: str) -> InputError:
    first_line = (reason.splitlines() or ["it is empty"])[0]
    return InputError(
        f"{block.key('weights')}: cannot read {path} ({first_line}); "
        "give a whole safetensors file or a PyTorch state dict"
    )


def _adapted(state: State, adapt: Callable[[State], State], path: Path, spec: ClassifierSpec) -> State:
    try:
        return adapt(state)
    except (KeyError, RuntimeError, ValueError, AttributeError, IndexError) as error:
        raise _misfit(path, spec, f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _check(expected: Mapping[str, Tensor], state: State, path: Path, spec: ClassifierSpec) -> None:
    missing = sorted(expected.keys() - state.keys())
    surplus = sorted(state.keys() - expected.keys())
    other = [name for name in expected if name in state and state[name].shape != expected[name].shape]
    for problem, names in (("lacks", missing), ("has too many:", surplus), ("has another shape of", other)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise _misfit(path, spec, f"it {problem} {names[0]}{more}")


def _misfit(path: Path, spec: ClassifierSpec, reason: str) -> InputError:
    return InputError(
        f"{spec.block.key('weights')}: {path} does not fit {spec.block.key('variant')} {spec.backbone.variant!r} "
        f"({reason}); give the file of that variant, or the variant of that file"
    )
