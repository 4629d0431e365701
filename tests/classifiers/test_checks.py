import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from synthpath_kedro.classifiers.checks import check_backbones
from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters import read_parameters


@pytest.fixture
def check(project):
    """Checks the base environment's parameters with one more model, or another extractor."""

    def check(model=None, features=None):
        values = {}
        for path in (project / "conf" / "base").glob("parameters*.yml"):
            values |= yaml.safe_load(path.read_text())
        if model is not None:
            common = {"weights": "random", "input_size": 32, "batch_size": 8, "learning_rate": 1e-3}
            values["classification"]["models"] = ["mine"]
            values["classification"]["backbones"]["mine"] = common | model
        values["evaluation"]["features"] |= features or {}
        check_backbones(read_parameters(values))

    return check


def test_the_studys_own_models_are_checked_without_asking_a_network(check, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("the network was asked"))
    check()
    check({"family": "timm", "variant": "hf-hub:MahmoodLab/UNI"})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"family": "timm", "variant": "convnext_tiny.fb_in1"}, r"mine\.variant is .* nearest: convnext_tiny.fb_in1k"),
        ({"family": "timm", "variant": "/no/such/folder"}, "'/no/such/folder', which is no folder"),
        ({"family": "timm", "variant": "swin_tiny_patch4_window7_224", "trained": "last_block"}, "valid: head, all"),
        ({"family": "timm", "variant": "vit_tiny_patch16_224", "input_size": 33}, "multiples of the patch size 16"),
        ({"family": "resnet18", "weights": "/no/file.pth"}, "mine.weights is '/no/file.pth', which is neither a file"),
        ({"module": "no_such_module"}, "mine.module is 'no_such_module', which cannot be imported"),
    ],
)
def test_what_could_not_be_built_is_refused_before_a_run(model, message, check):
    with pytest.raises(InputError, match=message) as error:
        check(model)
    assert str(error.value).startswith("classification.backbones.mine.")
    assert "\n" not in str(error.value)


def test_the_feature_extractor_is_checked_under_its_own_name(check):
    for features in ({"weights": "/no/file"}, {"family": "timm", "variant": "resnet19"}, {"module": "no_such_module"}):
        with pytest.raises(InputError, match=r"^evaluation\.features\.(weights|variant|module) is "):
            check(features=features)


def test_checking_the_study_imports_no_torch(project):
    code = (
        "import sys; from synthpath_kedro.classifiers.checks import check_backbones; "
        "import synthpath_kedro.parameters; sys.exit('torch' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path(project) / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
