import numpy as np
import pandas as pd
import pytest

from synthpath_kedro.report.section import build_section
from synthpath_kedro.report.sections import SECTIONS
from synthpath_kedro.report.sections.calibration import temperature_sentence
from synthpath_kedro.report.sections.feature_space import mixing_sentence
from synthpath_kedro.report.sections.normalized_space import ablation_sentence
from synthpath_kedro.report.sections.table_4_3 import floor_sentence
from synthpath_kedro.report.values import text

DASH = "\N{EN DASH}"
CELLS = [("cnn", "real"), ("cnn", "mixed"), ("cnn", "synthetic"), ("clip", "real"), ("clip", "mixed")]


def build(name, evidence):
    return build_section(SECTIONS[name], evidence)


def texts(table):
    return [[text(value).replace("\N{NO-BREAK SPACE}", " ") for value in row] for row in table.rows]


@pytest.fixture
def comparison(evidence):
    rows = [
        ("cnn", "synthetic", 0.03, "helps"),
        ("clip", "mixed", -0.02, "hurts"),
        ("cnn", "mixed", 0.0, "no_evidence"),
    ]
    shared = {"baseline": "real", "set": "", "metric": "accuracy", "margin": 0.02, "reason": "", "small": False}
    shared |= {"standard_error": 0.01, "p": 0.0004, "p_adjusted": 0.01, "mcnemar_p": 0.5, "non_inferior": False}
    shared |= {"detectable": 0.05, "family": "claim", "replicates": 2, "n": 30}
    metrics = ("accuracy", "macro_f1", "recall/tumor", "recall/stroma")
    return pd.DataFrame(
        [
            {"model": model, "regime": regime, "difference": d, "ci_low": d - 0.02, "ci_high": d + 0.02}
            | {"verdict": verdict, **shared, "metric": metric}
            for metric in metrics
            for model, regime, d, verdict in rows
        ]
    )


@pytest.fixture
def robustness():
    rows = [
        {
            "model": model,
            "regime": regime,
            "set": "",
            "replicate": k,
            "attack": attack,
            "control": control,
            "change": -loss,
            "pixel_space_change": -same_images if control else np.nan,
            "accuracy": 0.9 - loss,
            "n": 18 if control else 54,
        }
        for model, regime in CELLS
        for k in range(2)
        for attack, control, loss, same_images in (
            ("uniform_noise", False, 0.02, None),
            ("uniform_noise", True, 0.5, 0.01),
            ("fgsm", False, 0.3, None),
            ("fgsm", True, 0.6, 0.4),
        )
    ]
    return pd.DataFrame(rows)


def test_verdicts_stand_in_the_models_order_mixed_first(comparison, evidence):
    verdicts, *_ = build("comparisons", evidence | {"comparison": comparison}).tables
    assert [row[:3] for row in texts(verdicts)] == [
        ["CLIP", "mixed vs real", "hurts"],
        ["CNN", "mixed vs real", "no evidence"],
        ["CNN", "synthetic vs real", "helps"],
    ]
    assert verdicts.opens == {2}
    assert {row[6] for row in texts(verdicts)} == {"0.010"}


def test_only_a_gain_that_was_found_is_small(comparison, evidence):
    table = comparison.assign(small=True, non_inferior=True)
    verdicts, *_ = build("comparisons", evidence | {"comparison": table}).tables
    assert [(row[2], row[7]) for row in texts(verdicts)] == [
        ("hurts", "not inferior"),
        ("no evidence", "not inferior"),
        ("helps", "small, not inferior"),
    ]


def test_one_large_difference_does_not_hide_the_others(comparison, evidence):
    table = comparison.copy()
    lost = table["verdict"] == "hurts"
    table.loc[lost, ["difference", "ci_low", "ci_high"]] = [-0.5, -0.6, -0.4]
    verdicts, *_ = build("comparisons", evidence | {"comparison": table}).tables
    plots = [row[5] for row in verdicts.rows]
    assert [(plot.difference, plot.reach) for plot in plots] == [(-0.5, 0.2), (0.0, 0.2), (0.03, 0.2)]
    assert "An arrow" in verdicts.caption
    verdicts, *_ = build("comparisons", evidence | {"comparison": comparison}).tables
    assert "An arrow" not in verdicts.caption


def test_only_sets_of_several_denoisers_have_verdicts_about_their_generator(comparison, evidence_of_two_sets):
    cards = evidence_of_two_sets["generator_cards"]
    several = cards | {"good": cards["good"].model_copy(update={"replicates": 3})}
    verdicts, *_ = build("comparisons", evidence_of_two_sets | {"generator_cards": several}).tables
    assert "The intervals of good include the variance between 3 denoisers. What is said of bad is" in verdicts.caption
    verdicts, *_ = build("comparisons", evidence_of_two_sets).tables
    assert verdicts.caption.endswith("about the synthetic images at hand, not about their generator in general.")


def test_every_metric_and_class_has_its_verdict(comparison, evidence):
    *_, by_metric, by_class = build("comparisons", evidence | {"comparison": comparison}).tables
    assert [row[:4] for row in texts(by_metric)] == [
        ["CLIP", "mixed vs real", "macro F1", "hurts"],
        ["CNN", "mixed vs real", "macro F1", "no evidence"],
        ["CNN", "synthetic vs real", "macro F1", "helps"],
    ]
    assert by_class.columns == ("model", "comparison", "tumor", "stroma")
    assert texts(by_class)[0] == ["CLIP", "mixed vs real", "-0.020 hurts", "-0.020 hurts"]
    assert texts(by_class)[1] == ["CNN", "mixed vs real", "+0.000", "+0.000"]


def test_differences_are_printed_with_their_signs_intervals_and_small_p(comparison, evidence):
    _, full, *_ = build("comparisons", evidence | {"comparison": comparison}).tables
    row = dict(zip(full.columns, texts(full)[0], strict=True))
    assert row["model"] == "CLIP"
    assert row["accuracy"] == "-0.020 [-0.040, +0.000]"
    assert (row["p"], row["p, Holm"]) == ("< 0.001", "0.010")


def test_one_replicate_has_a_difference_without_an_interval(comparison, evidence):
    alone = comparison.assign(ci_low=np.nan, ci_high=np.nan, standard_error=np.nan, p=np.nan)
    _, full, *_ = build("comparisons", evidence | {"comparison": alone}).tables
    row = dict(zip(full.columns, texts(full)[1], strict=True))
    assert (row["accuracy"], row["SE"], row["p"]) == ("+0.000", DASH, DASH)


def test_metrics_have_a_row_a_cell(evidence):
    metrics = ("accuracy", "macro_f1", "auc", "balanced_accuracy", "mcc")
    rows = [
        {"model": model, "regime": regime, "set": "", "metric": metric, "mean": 0.8, "ci_low": 0.7, "ci_high": 0.9}
        for model, regime in CELLS
        for metric in metrics
    ]
    (table,) = build("intervals", evidence | {"intervals": pd.DataFrame(rows)}).tables
    assert [row[1] for row in texts(table)] == ["real", "synthetic", "mixed", "real", "mixed"]
    assert texts(table)[0][table.columns.index("macro F1")] == "0.800 [0.700, 0.900]"


def test_f1_by_class_has_the_regimes_in_one_cell_and_a_dash_for_a_missing_one(evidence):
    rows = [
        {"model": model, "regime": regime, "set": "", "replicate": k, "class": name, "f1": 0.5 + 0.1 * k}
        for model, regime in CELLS
        for k in range(2)
        for name in ("adipose", "stroma")
    ]
    (table,) = build("f1_by_class", evidence | {"per_class": pd.DataFrame(rows)}).tables
    assert texts(table) == [
        ["adipose", "0.550 / 0.550 / 0.550", f"0.550 / {DASH} / 0.550"],
        ["stroma", "0.550 / 0.550 / 0.550", f"0.550 / {DASH} / 0.550"],
    ]
    assert table.caption.endswith("in each column: trained on real / synthetic / mixed images.")


def test_the_errors_of_probabilities_have_their_verdicts_with_the_calibration_alone(comparison, evidence):
    errors = [comparison[comparison["metric"] == "macro_f1"].assign(metric=name) for name in ("brier", "nll")]
    evidence |= {"comparison": pd.concat([comparison, *errors])}
    _, verdicts = build("calibration", evidence).tables
    assert [row[2] for row in texts(verdicts)] == ["Brier score"] * 3 + ["NLL"] * 3
    _, _, by_metric, _ = build("comparisons", evidence).tables
    assert {row[2] for row in texts(by_metric)} == {"macro F1"}


def test_the_sentence_on_temperature_counts_the_cells_it_helped(evidence):
    table = evidence["calibration"]
    assert temperature_sentence(table).endswith("of 14 of 14 cells, and the NLL of 14.")
    worse = table["model"] == "clip"
    table.loc[worse, "nll_scaled"] = 0.3
    assert temperature_sentence(table).endswith("of 14 of 14 cells, and the NLL of 12.")
    (note,) = build("calibration", evidence).notes
    assert note.text == temperature_sentence(table)


def test_calibration_shows_before_and_after(evidence):
    table, _ = build("calibration", evidence).tables
    assert texts(table)[0] == ["CNN", "real", *["0.200 → 0.100"] * 4, "1.500"]


def test_an_ensemble_stands_beside_its_replicates_and_has_its_errors_among_the_most_confident(evidence):
    (table,) = build("selective", evidence).tables
    row = dict(zip(table.columns, texts(table)[0], strict=True))
    assert (row["model"], row["trained on"], row["accuracy"]) == ("CNN", "real", "0.583 → 0.600")
    assert list(row)[-3:] == ["error at 80 %", "error at 90 %", "error at 95 %"]
    assert row["error at 90 %"] == "0.414 [0.235, 0.611]"  # 12 of 29: the image that the replicates dispute is out
    assert "over test images for the networks at hand" in table.caption
    grouped = evidence | {"data_card": evidence["data_card"].model_copy(update={"groups_known": True})}
    (table,) = build("selective", grouped).tables
    assert "over test patients (or slides) for the networks at hand" in table.caption


def test_sets_show_what_they_reach_and_their_worst_class(evidence):
    conformal = evidence["conformal"].copy()
    of_class = (conformal["model"] == "cnn") & (conformal["regime"] == "real") & (conformal["class"] == "stroma")
    conformal.loc[of_class, ["coverage", "ci_low", "ci_high"]] = [0.25, 0.1, 0.5]
    whole = conformal["class"] == ""
    conformal.loc[whole, "coverage"] = [0.9, 0.7, 0.95]
    conformal.loc[whole, ["expected_low", "expected_high"]] = [0.8, 0.97]
    content = build("conformal", evidence | {"conformal": conformal})
    (table,) = content.tables
    row = dict(zip(table.columns, texts(table)[0], strict=True))
    assert (row["expected"], row["class"]) == ("0.800 to 0.970", "stroma")
    assert row["lowest of a class"] == "0.250 [0.100, 0.500]"
    assert "set on 30 real validation images, so that 90 % of the sets hold the true class" in table.caption
    (note,) = content.notes
    assert "the sets of 1 of 3 cells hold the true class less often than chance explains" in note.text
    assert note.text.endswith("The lowest coverage reached is 0.700: CNN, trained on mixed.")


def test_the_ablation_stands_beside_the_attack_on_the_same_images_in_pixel_space(robustness, evidence):
    (table,) = build("normalized_space", evidence | {"robustness": robustness}).tables
    assert texts(table)[0] == ["CNN", "real", "18", "-0.010 → -0.500", "-0.400 → -0.600"]


def test_the_sentence_about_the_ablation_follows_the_numbers(robustness):
    sentence = ablation_sentence(robustness)
    assert (
        "over 5 cells and the same 18 images each, uniform noise costs 0.500 of accuracy there and 0.010 in" in sentence
    )
    assert sentence.endswith(
        "On these images noise costs far more with the clamp than without it. That is a possible explanation of the "
        "published loss under noise (0.710 for the CNN trained on real images)."
    )
    assert ablation_sentence(robustness.assign(change=-0.02)).endswith(
        "the clamp does not make noise costly. It does not explain the published loss under noise (0.710 for the CNN "
        "trained on real images)."
    )
    assert ablation_sentence(robustness[~robustness["control"]]) == ""


def test_accuracies_that_need_no_image_are_called_so(robustness):
    """Clean .9; noise -.02, FGSM -.3: the largest of the classes is 60 % of the test images."""
    in_pixel_space = robustness[~robustness["control"]]
    counts = {"fat": 3, "gland": 2}
    sentence = floor_sentence(in_pixel_space, counts)
    assert sentence.startswith("No better than naming the largest test class every time (0.600): FGSM 5 of 5 cells.")
    one_fell = in_pixel_space.assign(accuracy=in_pixel_space["accuracy"].mask(in_pixel_space["model"] == "clip", 0.0))
    assert "(0.500): uniform noise 2 of 5 cells; FGSM 2 of 5 cells." in floor_sentence(one_fell, {"fat": 1, "gland": 1})
    assert floor_sentence(in_pixel_space, {"fat": 1, "gland": 1}) == ""
    assert floor_sentence(in_pixel_space.iloc[:0], counts) == ""


def test_the_sentence_beside_tsne_gives_the_cells_numbers(evidence):
    row = {"model": "cnn", "regime": "real", "set": "", "class": "", "k": 10}
    row |= {"real_share": 0.1, "expected_real_share": 0.5, "beside": "diffusion"}
    mixing = pd.DataFrame([row | {"class_agreement": 0.75, "real_class_agreement": np.nan}])
    sentence = mixing_sentence(mixing, "cnn", "real")
    assert sentence.startswith(
        "Of a synthetic image's 10 nearest neighbors 10% are real (50% if nothing told them apart)"
    )
    assert sentence.endswith("and 75% are of its class.")
    assert mixing_sentence(mixing, "cnn", "mixed") == ""
    content = build("feature_space", evidence | {"knn_mixing": mixing})
    assert texts(content.tables[0]) == [["CNN", "real", "0.100", "0.500", "0.750", DASH]]
    assert list(content.figures) == ["tsne_cnn", "tsne_clip"]
