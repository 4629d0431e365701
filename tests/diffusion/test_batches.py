import numpy as np
import torch

from synthpath_kedro.diffusion.batches import to_denoiser_range, to_uint8, training_batches, validation_batches


def shades(loader):
    return [round(x.mean().item(), 6) for x, _ in loader]


def test_every_gray_level_survives_the_way_to_the_denoiser_and_back():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    images = to_denoiser_range(levels)
    assert (images.min().item(), images.max().item()) == (-1, 1)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(to_uint8(images), levels)


def test_what_lies_outside_the_range_is_clipped():
    assert to_uint8(torch.tensor([-3.0, 0.0, 3.0]).reshape(1, 3, 1, 1)).ravel().tolist() == [0, 128, 255]


def test_batch_order_depends_on_seed_and_epoch_only(tiles):
    first, again, other = (training_batches(tiles, 6, seed) for seed in (1, 1, 2))
    assert shades(first) == shades(again) != shades(other)
    before = shades(first)
    first.sampler.set_epoch(5)
    assert shades(first) != before
    first.sampler.set_epoch(0)
    assert shades(first) == before


def test_an_epoch_has_full_batches_of_different_images(tiles):
    sizes = [len(labels) for _, labels in training_batches(tiles, 6, 0)]
    assert sizes == [6, 6, 6]
    images = torch.cat([x for x, _ in training_batches(tiles, 6, 0)]).flatten(1)
    assert len(images.unique(dim=0)) == 18


def test_a_set_smaller_than_a_batch_is_one_batch(tiles):
    assert [len(labels) for _, labels in training_batches(tiles, 64, 0)] == [20]


def test_validation_shows_every_image_once_in_order(tiles):
    labels = torch.cat([labels for _, labels in validation_batches(tiles, 6)])
    assert labels.tolist() == tiles.labels.tolist()
