import pandas as pd
import pytest

from synthpath_kedro.report.limitations import limitations


def notes(evidence, **card):
    return {
        note.heading: note
        for note in limitations(evidence | {"data_card": evidence["data_card"].model_copy(update=card)})
    }


def test_unknown_patients_are_grave_and_the_false_alarms_are_stated(evidence):
    note = notes(evidence)["Patients unknown"]
    assert note.grave
    assert "correlated by .8, a share of .36 to .66 claimed one (.34 to .86 by number of patients, docs" in note.text
    assert "Patients unknown" not in notes(evidence, groups_known=True)
    assert "Patients unknown" not in notes(evidence, phantom=True)


@pytest.mark.parametrize("name", ["pathmnist", "pathmnist_tiles_28", "NCT-CRC-HE-100K", "CRC-VAL-HE-7K", "nct_crc_he"])
def test_data_made_from_nct_crc_he_is_known_to_give_classes_away_by_color(evidence, name):
    assert "accuracy of over 50 %" in notes(evidence, name=name)["Color gives classes away"].text


def test_its_classes_alone_tell_nct_crc_he(evidence):
    classes = ["ADI", "BACK", "DEB", "LYM", "MUC", "MUS", "NORM", "STR", "TUM"]
    assert "Color gives classes away" in notes(evidence, name="tiles", class_names=classes)


@pytest.mark.parametrize("name", ["tiles & more", "bloodmnist", "digital phantom", "camelyon"])
def test_other_data_has_no_such_flaw_on_record(evidence, name):
    assert "Color gives classes away" not in notes(evidence, name=name)


def test_no_published_numbers_are_a_limitation_of_other_data(evidence):
    assert not any("other data" in heading for heading in notes(evidence))


def test_an_alarm_of_near_duplicates_is_grave(evidence):
    note = notes(evidence)["Near-duplicates of training images"]
    assert note.grave
    assert note.text.startswith("9 of 90 images examined of the set diffusion are near-duplicates of training images:")
    quiet = evidence["privacy"].assign(alarm=False).astype({"alarm": "boolean"})
    assert "Near-duplicates of training images" not in notes(evidence | {"privacy": quiet})


@pytest.mark.parametrize(("phantom", "says"), [(True, "rendered by a program"), (False, "verdicts are too good")])
def test_what_the_denoiser_started_from_is_said(evidence, phantom, says):
    assert "The denoiser's start" not in notes(evidence)
    card = evidence["generator_cards"]["diffusion"]
    start = {"name": "other.safetensors", "data": "camelyon", "digest": "ab", "phantom": phantom}
    started = {"diffusion": card.model_copy(update={"facts": {"start": start}})}
    text = notes(evidence | {"generator_cards": started})["The denoiser's start"].text
    assert "from other.safetensors, which was trained on camelyon. " in text
    assert says in text


def test_what_the_settings_leave_out_is_named_with_the_parameter_that_switches_it_on(evidence):
    assert "Left out by the settings" not in notes(evidence)
    parameters = evidence["parameters"]
    chosen = parameters.evaluation.attack_cells.model_copy(update={"models": ("cnn",), "regimes": ("real",)})
    backbones = dict(parameters.classification.backbones)
    backbones["clip"] = backbones["clip"].model_copy(update={"regimes": ("real", "synthetic")})
    changed = parameters.model_copy(
        update={
            "evaluation": parameters.evaluation.model_copy(update={"attack_cells": chosen}),
            "classification": parameters.classification.model_copy(update={"backbones": backbones}),
        }
    )
    text = notes(evidence | {"parameters": changed})["Left out by the settings"].text
    assert "1 of 14 cells are attacked (evaluation.attack_cells)" in text
    assert "CLIP is not trained under mixed (classification.backbones.clip.regimes)" in text
    assert "t-SNE" not in text
    backbones["cnn"] = backbones["cnn"].model_copy(update={"regimes": ("real", "synthetic")})
    both = changed.model_copy(
        update={"classification": changed.classification.model_copy(update={"backbones": backbones})}
    )
    assert (
        "CNN, CLIP are not trained under mixed (classification.backbones.cnn.regimes, "
        "classification.backbones.clip.regimes)"
        in notes(evidence | {"parameters": both})["Left out by the settings"].text
    )


def test_three_replicates_are_too_few_where_deviations_differ_more_than_threefold(evidence):
    alike, apart = (
        pd.DataFrame(
            {
                "model": ["cnn"] * 6,
                "regime": ["real"] * 3 + ["mixed"] * 3,
                "set": "",
                "accuracy": [0.8, 0.81, 0.82, 0.8, 0.8 + step, 0.8 + 2 * step],
                "weights": "random",
            }
        )
        for step in (0.02, 0.04)
    )
    assert "Few replicates" not in notes(evidence | {"classification": alike})
    note = notes(evidence | {"classification": apart})["Few replicates"]
    assert note.grave
    assert note.text.startswith("Cells of CNN have fewer than 5 replicates")
    assert "from 0.010 to 0.040" in note.text
    assert note.text.endswith("Set classification.replicates to 5.")
    five = pd.concat([apart, apart.iloc[[0, 2, 3, 5]]])
    assert "Few replicates" not in notes(evidence | {"classification": five})


def test_the_advice_names_the_parameter_that_decides_the_replicates_of_a_model(evidence):
    parameters = evidence["parameters"]
    backbones = dict(parameters.classification.backbones)
    backbones["clip"] = backbones["clip"].model_copy(update={"replicates": 3})
    study = parameters.classification.model_copy(update={"backbones": backbones, "replicates": 5})
    scores = {"cnn": [0.80, 0.81, 0.80, 0.81, 0.80], "clip": [0.7, 0.8, 0.6]}
    table = pd.DataFrame(
        [(model, "real", "", value, "random") for model, values in scores.items() for value in values],
        columns=["model", "regime", "set", "accuracy", "weights"],
    )
    changed = {"parameters": parameters.model_copy(update={"classification": study}), "classification": table}
    text = notes(evidence | changed)["Few replicates"].text
    assert text.startswith("Cells of CLIP have")
    assert text.endswith("Set classification.backbones.clip.replicates to 5.")
