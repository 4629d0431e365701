import pandas as pd
import pytest

from synthpath_kedro.report.figures.style import blank_figure, png_bytes
from synthpath_kedro.report.section import build_section
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.values import text


def build(name, evidence):
    return build_section(SECTIONS[name], evidence)


def texts(table):
    return [[text(value) for value in row] for row in table.rows]


def tables_of(evidence):
    """The section's tables by the first words of their titles."""
    return {table.title.split(":")[0]: table for table in build("fidelity", evidence).tables}


def test_means_over_classes_come_first_and_labels_are_ignored_after_them(evidence):
    content = build("fidelity", evidence)
    assert [table.title.split(":")[0] for table in content.tables] == [
        "Class by class",
        "Whole set",
        "CAS",
        "Kernel distance, by class",
        "Stain, (0.01 OD)², by class",
        "Texture, dB², by class",
    ]
    means = content.tables[0]
    assert means.columns == ("reference", "candidate", "n", "kernel distance", "stain, (0.01 OD)²", "texture, dB²")
    assert texts(means)[:2] == [
        ["real val", "synthetic", "900 / 165", "1.5000", "1.50", "1.50"],
        ["real val", "real train", "900 / 165", "0.0000", "0.00", "0.00"],
    ]
    assert "in features of EfficientNet-Lite0 (ImageNet weights, 64 pixels)" in means.caption
    assert not content.notes
    assert list(content.figures) == ["fidelity_by_class"]


def test_a_frechet_distance_that_is_not_defined_is_not_shown_and_the_caption_says_why(evidence):
    table = tables_of(evidence)["Whole set"]
    assert "Fréchet distance" not in table.columns
    assert texts(table)[0] == ["real val", "synthetic", "1.5000", "1.50", "1.50", "0.500"]
    assert table.caption.startswith("165 images of each set, whatever their labels")
    assert "There is no Fréchet distance: n does not exceed the dimensions of the features." in table.caption
    known = evidence["fidelity"].fillna({"value": 3.0})
    table = tables_of(evidence | {"fidelity": known})["Whole set"]
    assert "Fréchet distance" in table.columns
    assert "no Fréchet" not in table.caption


def test_each_class_stands_beside_the_reference_with_its_n(evidence):
    counted = evidence["fidelity"].assign(n=10, n_reference=5)
    table = tables_of(evidence | {"fidelity": counted})["Kernel distance, by class"]
    assert table.columns[:3] == ("class", "synthetic to real val", "real train to real val")
    assert texts(table)[0][:3] == ["adipose", "1.5000 (n 10 / 5)", "0.0000 (n 10 / 5)"]
    assert table.folded


def test_a_measure_that_no_class_has_enough_images_for_is_a_dash(evidence):
    table = evidence["fidelity"]
    unknown = table.assign(value=table["value"].mask(table["measure"].str.startswith("stain")))
    tables = tables_of(evidence | {"fidelity": unknown})
    assert texts(tables["Class by class"])[0][3:] == ["1.5000", "\N{EN DASH}", "1.50"]
    assert tables["Class by class"].caption.endswith("A dash: no class has enough images.")
    assert not any(title.startswith("Stain") for title in tables)


def test_a_missing_class_is_named_in_red(evidence):
    table = evidence["fidelity"]
    lost = (table["set"] == "diffusion") & (table["class"] == "adipose")
    lacking = table.assign(value=table["value"].mask(lost), n=table["n"].mask(lost, 0))
    (note,) = build("fidelity", evidence | {"fidelity": lacking}).notes
    assert note.grave
    assert note.text.startswith("synthetic has too few images of adipose (0). In the means over classes")
    assert texts(tables_of(evidence | {"fidelity": lacking})["Kernel distance, by class"])[0][1] == (
        "\N{EN DASH} (n 0 / 165)"
    )


def test_the_classifier_accuracy_score_stands_beside_that_of_real_images(evidence):
    table = tables_of(evidence)["CAS"]
    assert table.columns == ("set", "classifier", "CAS", "trained on real images", "difference")
    assert texts(table)[0] == ["diffusion", "CNN", "0.820", "0.810", "+0.010"]
    assert [row[1] for row in texts(table)] == ["CNN", "ResNet18", "DINOv2", "CLIP", "EfficientNet-Lite0"]
    assert "CAS" not in tables_of(evidence | {"classification": evidence["classification"].iloc[:0]})


def test_the_reference_that_comes_with_every_set_is_shown_once(evidence):
    doubled = pd.concat([evidence["fidelity"], evidence["fidelity"].replace({"set": {"diffusion": "gan"}})])
    tables = tables_of(evidence | {"fidelity": doubled})
    assert [row[1] for row in texts(tables["Whole set"])].count("real train") == 2
    by_class = tables["Kernel distance, by class"]
    assert {len(row) for row in by_class.rows} == {len(by_class.columns)} == {7}


def test_the_reader_study_is_mentioned_where_there_is_one(evidence):
    hidden = evidence["parameters"].model_copy(deep=True)
    hidden.report.__dict__["embed_real_images"] = False
    assert "reader_study.html" in tables_of(evidence)["Whole set"].caption
    assert "reader_study.html" not in tables_of(evidence | {"parameters": hidden})["Whole set"].caption


def test_of_several_sets_the_one_of_the_reader_study_is_named(evidence_of_two_sets):
    first = next(iter(evidence_of_two_sets["generator_cards"]))
    caption = tables_of(evidence_of_two_sets)["Whole set"].caption
    assert f"tell real tiles from those of the set {first}." in caption


def test_the_caption_says_what_was_compared_with_what(evidence):
    caption = build("near_duplicates", evidence).tables[0].caption
    assert caption.startswith(
        "Compared: whole tiles of 90 of 900 synthetic images with 1,000 of 1,000 training images; parts of tiles of 90 "
        "of 900 synthetic images with 400 of 1,000 training images (drawn at random: a copy of an image that was left "
        "out is not seen); and so were 50 validation images."
    )


def test_suspects_are_counted_with_what_may_have_been_missed(evidence):
    def finding(**changes):
        privacy = evidence["privacy"]
        changed = privacy.assign(
            **{name: privacy[name].where(privacy["space"] != "any", new) for name, new in changes.items()}
        )
        return build("near_duplicates", evidence | {"privacy": changed}).tables[0].rows[0][-1]

    alarm = finding()
    assert type(alarm).__name__ == "Warned"
    assert text(alarm) == "near-duplicates found: 9 of 90 examined; at most 17 % of the set"
    assert finding(alarm=False) == "9 of 90 examined; at most 17 % of the set: look at the pairs"
    none = finding(alarm=False, suspects=0, n=2000, upper_bound=0.0015)
    assert none == "none among 2,000 examined; at most 0.15 % of the set"


def test_spaces_count_and_measures_without_suspects_have_no_finding(evidence):
    rows = [row[-1] for row in build("near_duplicates", evidence).tables[0].rows]
    assert rows[1:] == ["9 of 90 examined", "9 of 90 examined", ""]


def test_how_surely_copies_are_found_stands_beside(evidence):
    table = build("near_duplicates", evidence).tables[1]
    assert texts(table) == [["none", "1.00", "1.00", "1.00"], ["turned", "0.90", "0.50", "0.95"]]
    assert table.caption.startswith("60 training images of this study were copied under each disguise")


def test_membership_has_its_intervals_and_guessing_beside_them(evidence):
    table = build("membership", evidence).tables[0]
    assert [row[1:] for row in texts(table)] == [
        ["0.600", "0.500 to 0.700", "0.500", "no evidence that training images can be told apart"],
        ["0.020", "0.000 to 0.040", "0.010", "no evidence that training images can be told apart"],
    ]
    assert "20 training images are compared with 30 held-out ones, each with those of its own class." in table.caption


def test_no_membership_found_is_no_formal_guarantee_and_an_alarm_says_what_to_do(evidence):
    (note,) = build("membership", evidence).notes
    assert "finds no sign" in note.text
    assert "None of this is a formal guarantee" in note.text
    privacy = evidence["privacy"].copy()
    privacy.loc[privacy["measure"] == "membership_tpr", "alarm"] = True
    content = build("membership", evidence | {"privacy": privacy})
    assert [type(row[-1]).__name__ for row in content.tables[0].rows] == ["str", "Warned"]
    assert "treat the weights like the training images" in content.notes[0].text
    assert "None of this is a formal guarantee" in content.notes[0].text


def test_membership_by_patient_and_what_could_not_be_tested_are_said(evidence):
    privacy = evidence["privacy"].assign(train_groups=5, held_out_groups=4)
    privacy = privacy.astype({"train_groups": "Int64", "held_out_groups": "Int64"})
    privacy.loc[privacy["measure"] == "membership_tpr", ["value", "ci_low", "ci_high"]] = float("nan")
    privacy.loc[privacy["measure"] == "membership_tpr", "alarm"] = None
    table = build("membership", evidence | {"privacy": privacy}).tables[0]
    assert "the images of a patient or slide count as one draw (5 and 4)" in table.caption
    assert texts(table)[1][1:3] == ["\N{EN DASH}", ""]
    assert texts(table)[1][-1].startswith("not tested: too few images")


def test_generators_are_ranked_only_where_there_are_several(evidence, evidence_of_two_sets):
    assert build("generators", evidence).empty
    (table,) = build("generators", evidence_of_two_sets).tables
    assert [row[:4] for row in texts(table)] == [["1", "good", "npz", "1.0000"], ["2", "bad", "npz", "9.0000"]]
    assert "generators" in build("generators", evidence_of_two_sets).figures


def test_a_class_that_a_generator_lacks_stands_in_the_ranking(evidence_of_two_sets):
    (table,) = build("generators", evidence_of_two_sets).tables
    assert "missing classes" not in table.columns
    lacking = evidence_of_two_sets["generators"].assign(missing_classes=["", "mucus"])
    (table,) = build("generators", evidence_of_two_sets | {"generators": lacking}).tables
    column = table.columns.index("missing classes")
    assert [row[column] for row in texts(table)] == ["\N{EN DASH}", "mucus"]


def test_a_rank_is_a_whole_number_beside_an_oracle_and_no_search_is_no_all_clear(evidence_of_two_sets):
    ranked = evidence_of_two_sets["generators"].assign(rank=[1.0, float("nan")], alarm=[None, True])
    (table,) = build("generators", evidence_of_two_sets | {"generators": ranked}).tables
    rows = [dict(zip(table.columns, row, strict=True)) for row in texts(table)]
    assert [row["rank"] for row in rows] == ["1", "positive control"]
    assert [row["alarm"] for row in rows] == ["\N{EN DASH}", "yes"]


def test_the_best_cell_is_compared_with_the_mean_color_of_real_images(evidence):
    note = build("table_4_1", evidence).notes[0].text
    assert note.endswith(
        "its mean red, green and blue, trained on real images, has an accuracy of 0.500. The highest mean accuracy of "
        "a cell, 0.830 (CNN, trained on mixed images), is 0.330 above it."
    )
    worse = evidence["classification"].assign(accuracy=0.125)
    assert build("table_4_1", evidence | {"classification": worse}).notes[0].text.endswith("is 0.375 below it.")


def test_the_zero_shot_accuracy_is_reported_where_a_model_has_one(evidence):
    assert len(build("table_4_1", evidence).notes) == 1
    table = evidence["classification"]
    known = table.assign(
        zero_shot_val_accuracy=table["zero_shot_val_accuracy"].mask(table["model"] == "clip", 0.125),
        weights=table["weights"].mask(table["model"] == "clip", "OpenAI WIT"),
    )
    _, note = build("table_4_1", evidence | {"classification": known}).notes
    assert note.text == (
        "Accuracy on the validation images before any training, by matching class names: CLIP (OpenAI WIT weights) "
        "0.125."
    )


def test_random_weights_are_no_baseline(evidence):
    table = evidence["classification"]
    lucky = table.assign(zero_shot_val_accuracy=table["zero_shot_val_accuracy"].mask(table["model"] == "clip", 0.125))
    assert len(build("table_4_1", evidence | {"classification": lucky}).notes) == 1


def test_the_floor_stands_beside_table_4_3(evidence):
    note = next(note for note in build("table_4_3", evidence).notes if note.heading == "At the floor.")
    assert "(0.444): BIM 14 of 14 cells." in note.text


def test_the_license_of_the_weights_stands_with_the_classifiers(evidence):
    assert texts(build("classifiers", evidence).tables[0])[1] == [
        "CLIP",
        "small",
        "random (not pretrained)",
        "apache-2.0",
    ]


@pytest.mark.parametrize("name", ["real_and_synthetic", "sample_grid"])
def test_real_images_are_left_out_where_they_must_not_be_shown(name, evidence):
    hidden = evidence["parameters"].model_copy(deep=True)
    hidden.report.__dict__["embed_real_images"] = False
    content = build(name, evidence | {"parameters": hidden})
    assert not content.figures
    assert "embed_real_images" in content.notes[0].text
    pairs = build("near_duplicates", evidence | {"parameters": hidden}).figures["closest_pairs_diffusion"]
    assert pairs.caption.endswith("The training images are not shown (report.embed_real_images is off).")


def test_several_denoisers_are_counted_in_the_captions(evidence):
    one = {"epochs": 3, "images_seen": 90, "digest": "ab"}
    card = evidence["denoiser_card"] | {"epochs": 3, "replicates": [one, one | {"epochs": 4}]}
    several = evidence | {"denoiser_card": card}
    assert "under the denoisers (the mean over all 2) for members" in build("membership", several).tables[0].caption
    assert "under the denoiser for members" in build("membership", evidence).tables[0].caption
    loss, samples = (build(f"denoiser_{name}", several).figures[f"denoiser_{name}"] for name in ("loss", "samples"))
    assert "2 denoisers have a line each" in loss.caption
    assert "the first of 2 denoisers" in samples.caption
    facts = [row[:2] for row in texts(build("denoiser", several).tables[0])]
    assert ["replicate 1.epochs", "4"] in facts
    assert not any(key == "epochs" for key, _ in facts)


def test_the_denoiser_section_says_what_the_training_started_from(evidence):
    facts = dict(row[:2] for row in texts(build("denoiser", evidence).tables[0]))
    assert facts["start"] == "random weights"
    card = evidence["denoiser_card"] | {"start": {"name": "phantom", "digest": "ab"}}
    facts = dict(row[:2] for row in texts(build("denoiser", evidence | {"denoiser_card": card}).tables[0]))
    assert (facts["start.name"], facts["start.digest"]) == ("phantom", "ab")


def test_the_data_card_states_each_sets_own_stain(evidence):
    card = evidence["data_card"]
    splits = {
        name: card.splits[name].model_copy(update={"facts": {"stain_shift": shift}})
        for name, shift in (("train", 0.0), ("test", 0.5))
    }
    own = evidence | {"data_card": card.model_copy(update={"splits": splits})}
    facts = dict(texts(build("data_card", own).tables[0]))
    assert (facts["Stain shift, train"], facts["Stain shift, test"]) == ("0.0", "0.5")
    assert "Stain shift" not in facts
    assert facts["Digest, test"] == "cd" * 32


@pytest.fixture
def of_autoencoder():
    """What latent diffusion adds to the evidence."""
    shared = {"model": "cnn", "regime": "real", "set": ""}
    rows = [(0, 0.7, -0.1, -0.2), (1, 0.6, -0.3, -0.2)]
    columns = ("replicate", "accuracy", "accuracy_change", "macro_f1_change")
    block = {"latent_channels": 4, "downsample": 8}
    return {
        "reconstruction": pd.DataFrame([shared | dict(zip(columns, row, strict=True)) for row in rows]),
        "autoencoder_card": {"weights": "hf-hub:someone/vae", "key": {"parameters": block}},
        "psnr": 27.25,
        "reconstruction_figure": png_bytes(blank_figure("", None, "")),
    }


def test_what_the_autoencoder_costs_stands_beside_the_originals(evidence, of_autoencoder):
    content = build("reconstruction", evidence | of_autoencoder)
    assert texts(content.tables[0]) == [["CNN", "real", "0.850", "0.650", "-0.200", "-0.200", "2"]]
    for part in ("27.2 dB", "hf-hub:someone/vae", "4 latent channels, 1/8 of the image's height"):
        assert part in content.tables[0].caption
    assert list(content.figures) == ["reconstruction"]


def test_reconstructions_are_hidden_with_the_real_images(evidence, of_autoencoder):
    hidden = evidence["parameters"].model_copy(deep=True)
    hidden.report.__dict__["embed_real_images"] = False
    content = build("reconstruction", evidence | of_autoencoder | {"parameters": hidden})
    assert not content.figures
    assert "embed_real_images is off" in content.notes[0].text
    assert len(content.tables) == 1


def test_pixel_space_has_no_section_about_an_autoencoder(evidence):
    assert build("reconstruction", evidence) is None
    assert SECTIONS["reconstruction"].absent == ""
