import numpy as np
import pytest
import torch

from synthpath_kedro.data.sharded import ShardedImages
from synthpath_kedro.training import resident as module
from synthpath_kedro.training.resident import resident, take

IMAGES = np.arange(10 * 2 * 2 * 3, dtype=np.uint8).reshape(10, 2, 2, 3)


@pytest.fixture
def everything_fits(monkeypatch):
    """As if the CPU's memory were a GPU's."""
    monkeypatch.setattr(module, "_fits", lambda n_bytes, device: True)


@pytest.mark.parametrize("rows", [IMAGES, ShardedImages([IMAGES[:4], IMAGES[4:]]), IMAGES.astype(np.float16)])
def test_what_fits_is_one_tensor_with_the_same_values(rows, everything_fits, monkeypatch):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", 3)
    found = resident(rows)
    assert isinstance(found, torch.Tensor)
    assert np.array_equal(found.numpy(), np.asarray(rows))


def test_without_a_gpu_rows_stay_where_they_are():
    assert resident(IMAGES) is IMAGES


def test_of_a_gpus_free_memory_a_quarter_is_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * IMAGES.nbytes, 80e9))
    assert module._fits(IMAGES.nbytes, torch.device("cuda"))
    assert not module._fits(IMAGES.nbytes + 1, torch.device("cuda"))


def test_a_batch_is_the_same_from_the_disk_and_from_the_gpu():
    for indices in (np.array([7, 0, 7]), slice(4, 99)):
        expected = IMAGES[indices]
        assert np.array_equal(take(IMAGES, indices).numpy(), expected)
        assert np.array_equal(take(torch.from_numpy(IMAGES), indices).numpy(), expected)
