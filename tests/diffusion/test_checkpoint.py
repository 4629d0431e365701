import numpy as np
import pytest
import torch

from synthpath_kedro.data.artifact import Artifact, read_artifact, write_artifact
from synthpath_kedro.diffusion.checkpoint import denoiser_artifact, load_denoiser
from synthpath_kedro.diffusion.denoiser import make_denoiser
from synthpath_kedro.errors import InputError


@pytest.fixture
def artifact(diffusion_parameters):
    params = diffusion_parameters(parameterization="v")
    torch.manual_seed(0)
    denoiser = make_denoiser(params, 3, 8)
    return denoiser_artifact(denoiser.state_dict(), params, {"class_names": ["a", "b", "c"], "image_size": 8})


def test_a_denoiser_survives_the_way_through_a_file(artifact, tmp_path):
    write_artifact(tmp_path / "denoiser.safetensors", artifact)
    denoiser = load_denoiser(read_artifact(tmp_path / "denoiser.safetensors"))
    assert not denoiser.training
    assert denoiser.null_label == 3
    for name, tensor in denoiser.state_dict().items():
        assert tensor.cpu().numpy().tobytes() == artifact.tensors[name].tobytes()


def test_weights_that_do_not_fit_the_card_are_refused(artifact):
    tensors = dict(artifact.tensors)
    del tensors["network.conv_in.weight"]
    card = artifact.card | {"digest": Artifact(tensors).digest}
    with pytest.raises(InputError, match="weights do not fit its card: from another version"):
        load_denoiser(Artifact(tensors, card))


def test_weights_with_a_flipped_bit_are_refused(artifact):
    weight = artifact.tensors["network.conv_in.weight"].copy()
    weight.view(np.uint32)[0, 0, 0, 0] ^= 1
    with pytest.raises(InputError, match="not those that were saved: the file is damaged; remove it and run"):
        load_denoiser(Artifact({**artifact.tensors, "network.conv_in.weight": weight}, artifact.card))
