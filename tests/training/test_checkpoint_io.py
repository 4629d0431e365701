import math

import pytest
import torch

from synthpath_kedro.training.checkpoint_io import SafetensorsCheckpointIO, is_intact


def test_a_checkpoint_comes_back_with_its_integer_keys_and_tuples(tmp_path):
    checkpoint = {
        "epoch": 3,
        "optimizer": {"state": {0: {"step": torch.tensor(5.0)}, 1: {}}, "betas": (0.9, 0.999), "lr": 1e-3},
        "nested": [(1, (2, [None, True])), {"$tensor": "a key that looks like ours"}],
        "score": math.inf,
    }
    SafetensorsCheckpointIO().save_checkpoint(checkpoint, tmp_path / "last.ckpt")
    assert SafetensorsCheckpointIO().load_checkpoint(tmp_path / "last.ckpt") == checkpoint


def test_tensors_that_share_memory_keep_their_values_types_and_shapes(tmp_path):
    weight = torch.arange(6.0).reshape(2, 3)
    checkpoint = {"a": weight, "b": weight.T, "half": weight.bfloat16(), "flag": torch.tensor(True)}
    SafetensorsCheckpointIO().save_checkpoint(checkpoint, tmp_path / "last.ckpt")
    loaded = SafetensorsCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")
    for name, tensor in checkpoint.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_an_object_is_refused_and_no_file_is_left(tmp_path):
    with pytest.raises(TypeError, match=r"checkpoint\.model is a Linear"):
        SafetensorsCheckpointIO().save_checkpoint({"model": torch.nn.Linear(1, 1)}, tmp_path / "last.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_cut_or_changed_is_not_intact(tmp_path):
    path = tmp_path / "last.ckpt"
    SafetensorsCheckpointIO().save_checkpoint({"weight": torch.arange(9.0), "half": torch.ones(2).bfloat16()}, path)
    assert is_intact(path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    for damaged in (bytes(flipped), whole[:-3], whole[:20], b"", b"no safetensors"):
        path.write_bytes(damaged)
        assert not is_intact(path)
    assert not is_intact(tmp_path / "missing.ckpt")
