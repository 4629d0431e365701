import re

import pytest

from synthpath_kedro.data.cell_metadata import CellMetadata
from synthpath_kedro.data.data_card import SplitFacts
from synthpath_kedro.report.published import (
    EPS,
    NETWORKS,
    NOISE,
    STUDY_MODELS,
    TABLE_4_1,
    TABLE_4_2,
    TABLE_4_3,
    TABLE_4_3_WARNING,
    models_as_published,
)

MODELS = {"CNN": "cnn", "ResNet18": "resnet18", "DINOv2": "dinov2", "CLIP": "clip"}
REGIMES = ("real", "synthetic", "mixed")

PUBLISHED_4_1 = """
| CNN | 0.852 / 0.846 / 0.988 | 0.852 / 0.839 / 0.987 | 0.882 / 0.874 / 0.993 |
| ResNet18 | 0.904 / 0.900 / 0.994 | 0.829 / 0.815 / 0.990 | 0.895 / 0.891 / 0.992 |
| DINOv2 | 0.907 / 0.905 / 0.993 | 0.881 / 0.876 / 0.988 | 0.922 / 0.921 / 0.994 |
| CLIP | 0.888 / 0.881 / 0.972 | 0.781 / 0.777 / 0.960 | 0.883 / 0.871 / 0.964 |
"""
PUBLISHED_4_2 = """
| CNN | 0.852 (+0) / 0.852 (+0.006) / 0.982 (-0.006) |
| ResNet18 | 0.866 (-0.038) / 0.867 (-0.033) / 0.987 (-0.007) |
| DINOv2 | 0.868 (-0.039) / 0.869 (-0.036) / 0.984 (-0.009) |
| CLIP | 0.910 (+0.022) / 0.910 (+0.029) / 0.966 (-0.006) |
"""
PUBLISHED_4_3 = """
| CNN | real | 0.142 (-0.710) | 0.139 (-0.713) | 0.121 (-0.731) |
| | synthetic | 0.180 (-0.672) | 0.123 (-0.729) | 0.061 (-0.791) |
| | mixed | 0.159 (-0.723) | 0.113 (-0.769) | 0.102 (-0.780) |
| ResNet18 | real | 0.283 (-0.621) | 0.277 (-0.627) | 0.181 (-0.723) |
| | synthetic | 0.320 (-0.509) | 0.299 (-0.530) | 0.085 (-0.744) |
| | mixed | 0.224 (-0.671) | 0.214 (-0.681) | 0.027 (-0.868) |
| DINOv2 | real | 0.736 (-0.171) | 0.653 (-0.254) | 0.191 (-0.716) |
| | synthetic | 0.566 (-0.315) | 0.501 (-0.380) | 0.231 (-0.650) |
| | mixed | 0.668 (-0.254) | 0.597 (-0.325) | 0.272 (-0.650) |
| CLIP | real | 0.247 (-0.641) | 0.218 (-0.670) | 0.237 (-0.651) |
| | synthetic | 0.257 (-0.524) | 0.241 (-0.540) | 0.266 (-0.515) |
| | mixed | 0.240 (-0.643) | 0.213 (-0.670) | 0.167 (-0.716) |
"""


def numbers(text):
    return tuple(map(float, re.findall(r"[+-]?\d+(?:\.\d+)?", text)))


def rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()]


def test_table_4_1_holds_the_published_numbers():
    published = {
        (MODELS[name], regime): numbers(cell)
        for name, *cells in rows(PUBLISHED_4_1)
        for regime, cell in zip(REGIMES, cells, strict=True)
    }
    assert published == TABLE_4_1


def test_table_4_2_holds_the_published_numbers():
    published = {MODELS[name]: numbers(cell) for name, cell in rows(PUBLISHED_4_2)}
    assert published == {model: (*row.accuracy, *row.macro_f1, *row.auc) for model, row in TABLE_4_2.items()}


def test_table_4_3_holds_the_published_numbers():
    published, model = {}, ""
    for name, regime, *cells in rows(PUBLISHED_4_3):
        model = MODELS.get(name, model)
        for attack, cell in zip((NOISE, "fgsm", "bim"), cells, strict=True):
            published[model, regime, attack] = numbers(cell)
    assert published == TABLE_4_3


@pytest.mark.parametrize("cell", TABLE_4_3)
def test_a_change_under_attack_is_measured_from_the_clean_accuracy_of_table_4_1(cell):
    model, regime, _ = cell
    assert TABLE_4_3[cell].value - TABLE_4_3[cell].change == pytest.approx(TABLE_4_1[model, regime].accuracy, abs=1e-9)


@pytest.mark.parametrize("model", TABLE_4_2)
def test_a_change_on_synthetic_images_is_measured_from_table_4_1(model):
    before = [changed.value - changed.change for changed in TABLE_4_2[model]]
    assert before == pytest.approx(list(TABLE_4_1[model, "real"]), abs=1e-9)


def test_the_budget_is_eight_gray_levels():
    assert pytest.approx(8) == EPS * 255


TRAIN = SplitFacts(n=89_996, counts={}, digest="")


def trained(model, **changes):
    parameters = {model: NETWORKS.get(model, {}) | {"batch_size": 7} | changes}
    return CellMetadata(model=model, regime="real", variant="", weights="", parameters=parameters)


@pytest.fixture
def pathmnist(data_card):
    return data_card(source="medmnist", name="pathmnist", image_size=64, splits={"train": TRAIN})


def test_the_published_networks_on_pathmnist_are_those_of_the_published_numbers(pathmnist):
    cells = [trained(model) for model in (*STUDY_MODELS, "efficientnet_lite0")]
    assert models_as_published(pathmnist, cells) == set(STUDY_MODELS)
    assert models_as_published(pathmnist, []) == set()


@pytest.mark.parametrize(
    "other",
    [
        {"name": "bloodmnist"},
        {"source": "npz"},
        {"image_size": 28},
        {"splits": {"train": TRAIN.model_copy(update={"n": 80_000})}},
        {"splits": {}},
    ],
)
def test_of_other_data_no_published_number_is_shown(other, pathmnist):
    assert models_as_published(pathmnist.model_copy(update=other), map(trained, STUDY_MODELS)) == set()


@pytest.mark.parametrize("other", [{"weights": "random"}, {"variant": "small"}, {"input_size": 56}])
def test_one_cell_of_another_network_or_other_weights_takes_the_models_published_numbers_away(other, pathmnist):
    cells = [trained("clip"), trained("clip", **other), trained("cnn")]
    assert models_as_published(pathmnist, cells) == {"cnn"}


def test_base_configures_the_published_networks(base_values):
    backbones = base_values["classification"]["backbones"]
    assert {model: {key: backbones[model][key] for key in NETWORKS[model]} for model in NETWORKS} == NETWORKS


def test_the_warning_about_table_4_3_quotes_it():
    lost = [-TABLE_4_3["cnn", "real", attack].change for attack in (NOISE, "fgsm")]
    assert "uniform noise costs the CNN trained on real images {:.3f} of accuracy and FGSM {:.3f}".format(*lost) in (
        TABLE_4_3_WARNING
    )
