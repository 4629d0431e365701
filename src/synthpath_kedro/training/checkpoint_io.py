"""Lightning's checkpoints as safetensors and JSON: nothing in them can run code when they are read."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from typing_extensions import override

from synthpath_kedro.data.artifact import AtomicFile

_TENSOR, _CHANNELS_LAST, _TUPLE, _ITEMS = "$tensor", "$channels_last", "$tuple", "$items"
_NHWC = torch.channels_last


class SafetensorsCheckpointIO(CheckpointIO):
    """Writes a checkpoint's tensors as safetensors and the rest as JSON in their metadata, atomically.

    JSON knows neither tuples nor keys that are not text; both come back as they were.
    """

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        tensors: dict[str, torch.Tensor] = {}
        tree = json.dumps(_encode(checkpoint, "checkpoint", tensors), sort_keys=True)
        card = json.dumps({"digest": _digest(tree, tensors), "tree": tree}, sort_keys=True)
        content = save(tensors, metadata={"card": card})
        with AtomicFile(Path(path)) as file:
            file.write(content)

    @override
    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        device = map_location if isinstance(map_location, (str, torch.device)) else "cpu"
        with safe_open(path, framework="pt", device=str(device)) as file:
            return _decode(json.loads(json.loads(file.metadata()["card"])["tree"]), file.get_tensor)

    @override
    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def is_intact(path: Path) -> bool:
    """Whether ``path`` holds a checkpoint as it was written, to the last byte."""
    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads(file.metadata()["card"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        return bool(card["digest"] == _digest(card["tree"], tensors))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(tree: str, tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name in sorted(tensors):
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _encode(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        # A copy, because safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        # Fused optimizers walk weights and moments in memory order, so the order must come back too.
        channels_last = not value.is_contiguous() and value.ndim == 4 and value.is_contiguous(memory_format=_NHWC)
        return {_CHANNELS_LAST if channels_last else _TENSOR: name}
    if isinstance(value, Mapping):
        items = {key: _encode(item, f"{name}.{key}", tensors) for key, item in value.items()}
        plain = all(isinstance(key, str) and not key.startswith("$") for key in items)
        return items if plain else {_ITEMS: [[key, item] for key, item in items.items()]}
    if isinstance(value, (list, tuple)):
        entries = [_encode(item, f"{name}.{index}", tensors) for index, item in enumerate(value)]
        return entries if isinstance(value, list) else {_TUPLE: entries}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: a checkpoint holds tensors, numbers, text and containers")


def _decode(node: Any, tensor: Callable[[str], torch.Tensor]) -> Any:
    if isinstance(node, list):
        return [_decode(item, tensor) for item in node]
    if not isinstance(node, dict):
        return node
    if _TENSOR in node:
        return tensor(node[_TENSOR])
    if _CHANNELS_LAST in node:
        return tensor(node[_CHANNELS_LAST]).contiguous(memory_format=_NHWC)
    if _TUPLE in node:
        return tuple(_decode(item, tensor) for item in node[_TUPLE])
    if _ITEMS in node:
        return {key: _decode(item, tensor) for key, item in node[_ITEMS]}
    return {key: _decode(item, tensor) for key, item in node.items()}
