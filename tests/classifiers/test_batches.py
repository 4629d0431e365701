import numpy as np
import torch

from synthpath_kedro.classifiers.batches import EpochBatches, InOrder, Source


def source(n, offset=0):
    inputs = np.broadcast_to(np.arange(offset, offset + n, dtype=np.uint8)[:, None, None, None], (n, 2, 2, 3))
    return Source(inputs, np.arange(offset, offset + n))


def first_pixels(inputs):
    return inputs[:, 0, 0, 0].tolist()


def test_a_batch_holds_the_named_images_of_both_sources_with_their_labels():
    batches = [(np.array([3, 1]), np.array([0])), (np.array([2]), np.array([], np.int64)), (np.array([], int), [2, 1])]
    loaded = list(EpochBatches(source(5), source(3, offset=100), batches))
    assert [first_pixels(inputs) for inputs, _ in loaded] == [[3, 1, 100], [2], [102, 101]]
    assert [labels.tolist() for _, labels in loaded] == [[3, 1, 100], [2], [102, 101]]
    assert all(inputs.dtype == torch.uint8 and inputs.is_contiguous() for inputs, _ in loaded)


def test_real_batches_need_no_synthetic_source():
    batches = EpochBatches(source(5), None, [(np.array([4]), np.array([], np.int64))])
    assert len(batches) == 1
    assert [first_pixels(inputs) for inputs, _ in batches] == [[4]]


def test_in_order_gives_every_image_once_and_a_last_batch_of_the_rest():
    batches = InOrder(source(5), batch_size=2)
    assert len(batches) == 3
    assert [labels.tolist() for _, labels in batches] == [[0, 1], [2, 3], [4]]


def test_a_batch_of_a_read_only_memory_map_is_memory_of_its_own(tmp_path):
    np.save(tmp_path / "images.npy", source(4).inputs)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    (inputs, _), *_ = InOrder(Source(images, np.arange(4)), batch_size=4)
    inputs.zero_()
    assert images[3, 0, 0, 0] == 3
