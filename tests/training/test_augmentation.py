import torch

from synthpath_kedro.training.augmentation import random_dihedral
from synthpath_kedro.training.seeding import seeded_generator


def test_augmentation_gives_each_of_the_eight_positions_of_a_square_equally_often():
    n = 4000
    image = torch.arange(4.0).reshape(1, 1, 2, 2).expand(n, 3, 2, 2)
    out = random_dihedral(image, seeded_generator(0))
    positions, counts = out[:, 0].flatten(1).unique(dim=0, return_counts=True)
    symmetries = {tuple(torch.rot90(m, k).flatten().tolist()) for k in range(4) for m in (image[0, 0], image[0, 0].T)}
    assert {tuple(p.tolist()) for p in positions} == symmetries
    assert counts.min() > 420
    assert counts.max() < 580


def test_augmentation_follows_from_the_generator():
    x = torch.rand(20, 3, 4, 4)
    first, again, other = (random_dihedral(x, seeded_generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
