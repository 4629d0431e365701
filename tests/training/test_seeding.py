from itertools import product

from synthpath_kedro.training.seeding import Stream, mixed_seed


def test_no_two_streams_share_a_seed_whatever_follows_the_stream_in_the_key():
    owners = {}
    for seed, stream, later in product((0, 1, 2**63), Stream, product(range(12), range(3))):
        owners.setdefault(mixed_seed(seed, stream, *later), set()).add((seed, stream))
    assert len(owners) == 3 * len(Stream) * 36
    assert all(len(found) == 1 for found in owners.values())


def test_a_key_that_ends_with_zeros_is_the_shorter_key():
    assert mixed_seed(3, 5) == mixed_seed(3, 5, 0) != mixed_seed(3, 5, 1)
