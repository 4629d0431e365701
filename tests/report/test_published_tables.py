from functools import partial

import pandas as pd
import pytest

from synthpath_kedro.report import published_tables
from synthpath_kedro.report.labels import study_trainings
from synthpath_kedro.report.published import STUDY_MODELS
from synthpath_kedro.report.tables import to_csv_table
from synthpath_kedro.report.terminal import as_text
from synthpath_kedro.study.grid import Cell

table_4_1 = partial(published_tables.table_4_1, as_published=STUDY_MODELS)
table_4_2 = partial(published_tables.table_4_2, as_published=STUDY_MODELS)
table_4_3 = partial(published_tables.table_4_3, as_published=STUDY_MODELS)


def cell(table, column, **row):
    table = to_csv_table(table)
    for name, value in row.items():
        table = table[table[name] == value]
    return table[column].item()


def test_table_4_1_has_a_row_a_model_and_the_study_beside_each_regime(classification):
    table = to_csv_table(table_4_1(classification))
    assert table["model"].tolist() == ["CNN", "ResNet18", "DINOv2", "CLIP", "EfficientNet-Lite0"]
    assert table.columns.tolist() == [
        "model",
        "weights",
        "n",
        "replicates",
        "real",
        "real, published",
        "synthetic",
        "synthetic, published",
        "mixed",
        "mixed, published",
    ]
    assert table.iloc[1].to_dict() == {
        "model": "ResNet18",
        "weights": "random (not pretrained)",
        "n": "540",
        "replicates": "2",
        "real": "0.810 ± 0.014 / 0.710 ± 0.014 / 0.910 ± 0.014",
        "real, published": "0.904 / 0.900 / 0.994",
        "synthetic": "0.820 ± 0.014 / 0.710 ± 0.014 / 0.910 ± 0.014",
        "synthetic, published": "0.829 / 0.815 / 0.990",
        "mixed": "0.830 ± 0.014 / 0.710 ± 0.014 / 0.910 ± 0.014",
        "mixed, published": "0.895 / 0.891 / 0.992",
    }


def test_mean_color_has_the_last_row_of_table_4_1(classification, color_baseline):
    table = table_4_1(classification, color_baseline=color_baseline)
    assert [row.model for row in table.rows][-2:] == ["EfficientNet-Lite0", "mean color"]
    assert cell(table, "real", model="mean color") == "0.500 / 0.400 / 0.750"
    assert cell(table, "mixed", model="mean color") == "0.250 / 0.400 / 0.750"
    assert cell(table, "variant", model="mean color") == "regression"
    assert cell(table, "real, published", model="mean color") == ""
    assert max(map(len, as_text(table).splitlines())) <= 100


def test_mean_color_has_a_dash_under_a_regime_that_it_does_not_follow(evidence_of_two_sets):
    study = study_trainings(evidence_of_two_sets["parameters"])
    table = table_4_1(
        evidence_of_two_sets["classification"], ("cnn",), study, color_baseline=evidence_of_two_sets["color_baseline"]
    )
    assert cell(table, "mixed (bad)", model="mean color") == "0.250 / 0.400 / 0.750"
    assert cell(table, "augmented real", model="mean color") == "\N{EN DASH}"


def test_one_replicate_has_no_spread(classification):
    table = table_4_1(classification[classification["replicate"] == 0])
    assert cell(table, "real", model="CNN") == "0.800 / 0.700 / 0.900"


def test_a_missing_cell_reads_not_trained_beside_the_studys_value(classification):
    table = table_4_1(classification)
    assert cell(table, "mixed", model="CLIP") == "not trained"
    assert cell(table, "mixed, published", model="CLIP") == "0.883 / 0.871 / 0.964"


def test_a_model_the_study_did_not_have_has_no_study_value(classification):
    table = table_4_1(classification)
    assert cell(table, "real, published", model="EfficientNet-Lite0") == ""


def test_a_model_without_cells_is_shown_where_it_is_asked_for(classification):
    table = table_4_1(classification[classification["model"] == "cnn"], models=("cnn", "clip"))
    assert [row.model for row in table.rows] == ["CNN", "CLIP"]
    assert cell(table, "real", model="CLIP") == "not trained"


@pytest.mark.parametrize("lay_out", [table_4_1, table_4_2, table_4_3])
def test_a_study_without_any_cell_still_has_its_tables(lay_out):
    table = to_csv_table(lay_out(pd.DataFrame(columns=["model", "regime", "set", "replicate", "weights", "n"])))
    assert set(table["model"]) == {"CNN", "ResNet18", "DINOv2", "CLIP"}
    assert (table.filter(regex="^(real|accuracy|FGSM)[^,]*$") == "not trained").all(axis=None)


def test_the_cnn_has_no_pretrained_weights_to_miss(classification):
    assert cell(table_4_1(classification), "weights", model="CNN") == "from scratch"


def test_an_undefined_metric_is_left_out_of_the_mean(classification):
    broken = classification.assign(auc=classification["auc"].where(classification["replicate"] == 0))
    assert cell(table_4_1(broken), "real", model="CNN").endswith("/ 0.900")
    assert cell(table_4_1(broken.assign(auc=float("nan"))), "real", model="CNN").endswith("/ undefined")


def test_variants_are_shown_where_they_are_known(classification):
    table = table_4_1(classification.assign(variant="small, 64 px"))
    assert to_csv_table(table).columns[1] == "variant"
    assert cell(table, "variant", model="CLIP") == "small, 64 px"


def test_table_4_2_puts_each_change_in_brackets(synthetic_as_test):
    table = table_4_2(synthetic_as_test)
    assert cell(table, "accuracy (change)", model="CNN") == "0.810 ± 0.014 (-0.050 ± 0.000)"
    assert cell(table, "accuracy (change), published", model="CNN") == "0.852 (+0.000)"
    assert cell(table, "F1 (change), published", model="CLIP") == "0.910 (+0.029)"


def test_table_4_2_is_about_classifiers_trained_on_real_images(synthetic_as_test):
    others = synthetic_as_test.assign(regime="mixed", set="diffusion", accuracy=0.0)
    both = table_4_2(pd.concat([synthetic_as_test, others]))
    assert both == table_4_2(synthetic_as_test)


def test_table_4_3_has_a_row_a_model_and_regime_and_a_column_an_attack(robustness):
    table = table_4_3(robustness)
    assert [(row.model, row.training) for row in table.rows][:4] == [
        ("CNN", "real"),
        ("CNN", "synthetic"),
        ("CNN", "mixed"),
        ("ResNet18", "real"),
    ]
    row = {"model": "DINOv2", "regime": "real"}
    assert cell(table, "uniform noise", **row) == "0.800 ± 0.014 (-0.010 ± 0.000)"
    assert cell(table, "BIM", **row) == "0.310 ± 0.014 (-0.500 ± 0.000)"
    assert cell(table, "BIM, published", **row) == "0.191 (-0.716)"
    assert cell(table, "eps", **row) == "8/255"
    assert cell(table, "n", **row) == "180"
    assert cell(table, "FGSM", model="CLIP", regime="mixed") == "not trained"


def test_an_attack_that_was_left_out_reads_not_run(robustness):
    table = table_4_3(robustness[robustness["attack"] != "bim"])
    assert cell(table, "BIM", model="CNN", regime="real") == "not run"
    assert cell(table, "BIM", model="CLIP", regime="mixed") == "not trained"


def test_of_several_budgets_the_table_shows_the_studys(robustness):
    weaker = robustness.assign(eps=2 / 255, accuracy=0.9)
    assert table_4_3(pd.concat([weaker, robustness])) == table_4_3(robustness)


def test_table_4_1_fits_a_terminal_of_100_columns(classification):
    text = as_text(table_4_1(classification), "Table 4.1", "digital phantom, not tissue")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert (lines[0], lines[-1]) == ("Table 4.1", "digital phantom, not tissue")


def test_on_a_terminal_means_spreads_and_the_study_stand_under_each_other(classification):
    lines = [" ".join(line.split()) for line in as_text(table_4_1(classification)).splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("CLIP ours"))
    assert lines[start : start + 3] == [
        "CLIP ours 0.810 / 0.710 / 0.910 0.820 / 0.710 / 0.910 not trained",
        "± sd ±.014 / ±.014 / ±.014 ±.014 / ±.014 / ±.014",
        "paper 0.888 / 0.881 / 0.972 0.781 / 0.777 / 0.960 0.883 / 0.871 / 0.964",
    ]
    assert "CLIP: random (not pretrained), n 540, replicates 2" in lines


def test_every_table_fits_the_terminal(synthetic_as_test, robustness):
    tables = table_4_2(synthetic_as_test), table_4_3(robustness.assign(variant="a" * 120))
    assert max(len(line) for table in tables for line in as_text(table).splitlines()) <= 100


def test_augmented_regimes_have_columns_of_their_own(evidence_of_two_sets):
    parameters, classification = evidence_of_two_sets["parameters"], evidence_of_two_sets["classification"]
    table = table_4_1(classification, ("cnn",), study_trainings(parameters))
    assert table.columns == (
        "real",
        "synthetic (good)",
        "synthetic (bad)",
        "mixed (good)",
        "mixed (bad)",
        "augmented real",
        "augmented mixed (good)",
        "augmented mixed (bad)",
    )
    assert cell(table, "augmented mixed (bad)") == "0.840 ± 0.014 / 0.710 ± 0.014 / 0.910 ± 0.014"
    assert cell(table, "augmented real, published") == ""


def test_what_a_model_of_the_study_does_not_have_is_no_missing_cell(classification, robustness):
    cells = [
        Cell("cnn", "real"),
        Cell("cnn", "mixed", "diffusion"),
        Cell("clip", "real"),
        Cell("clip", "synthetic", "a"),
    ]
    none = classification.iloc[:0]
    table = table_4_1(none, ("cnn", "clip"), cells=cells)
    assert [cell(table, "synthetic", model=name) for name in ("CNN", "CLIP")] == ["\N{EN DASH}", "not trained"]
    assert [cell(table, "synthetic, published", model=name) != "" for name in ("CNN", "CLIP")] == [False, True]
    rows = table_4_3(robustness.iloc[:0], ("cnn", "clip"), cells=cells).rows
    assert [(row.model, row.training) for row in rows] == [
        ("CNN", "real"),
        ("CNN", "mixed"),
        ("CLIP", "real"),
        ("CLIP", "synthetic"),
    ]
    trained = table_4_1(classification.query("model == 'cnn'"), ("cnn",), cells=[])
    assert cell(trained, "mixed").startswith("0.8")  # what is there is shown


def test_table_4_2_leaves_out_the_sets_that_a_model_is_not_tested_on(synthetic_as_test):
    gan = synthetic_as_test.query("model == 'cnn'").assign(tested_on="gan")
    table = table_4_2(pd.concat([synthetic_as_test, gan]), ("cnn", "clip"))
    named = [(row.model, row.training) for row in table.rows if row.model in ("CNN", "CLIP")]
    assert named == [("CNN", "tested on diffusion"), ("CNN", "tested on gan"), ("CLIP", "tested on diffusion")]


def test_published_numbers_stand_beside_no_particular_one_of_several_sets(evidence_of_two_sets):
    table = table_4_1(evidence_of_two_sets["classification"], ("cnn",), ())
    assert cell(table, "real, published") == "0.852 / 0.846 / 0.988"
    assert cell(table, "mixed (good), published") == ""


def test_a_regime_that_the_study_did_not_ask_for_is_not_dropped(classification):
    extra = classification.query("regime == 'real'").assign(regime="real_augmented")
    table = table_4_1(pd.concat([classification, extra]))
    assert table.columns == ("real", "synthetic", "mixed", "augmented real")


def test_table_4_2_has_a_row_for_each_set_it_was_tested_on(synthetic_as_test):
    both = pd.concat([synthetic_as_test, synthetic_as_test.assign(tested_on="gan", accuracy=0.5)])
    table = table_4_2(both, ("cnn",))
    assert [(row.model, row.training) for row in table.rows][:2] == [
        ("CNN", "tested on diffusion"),
        ("CNN", "tested on gan"),
    ]
    assert cell(table, "accuracy (change)", model="CNN", regime="tested on gan") == "0.500 ± 0.000 (-0.050 ± 0.000)"


def test_a_table_of_many_regimes_fits_a_terminal_of_100_columns(evidence_of_two_sets):
    text = as_text(table_4_1(evidence_of_two_sets["classification"], ("cnn",), ()))
    assert max(map(len, text.splitlines())) <= 100
    assert "augmented mixed (bad)" in text


@pytest.mark.parametrize("number", [1, 2, 3])
def test_published_numbers_stand_beside_the_published_models_alone(
    number, classification, synthetic_as_test, robustness
):
    lay_out = getattr(published_tables, f"table_4_{number}")
    results = (classification, synthetic_as_test, robustness)[number - 1]
    beside = {
        row.model
        for row in lay_out(results, as_published={"clip"}).rows
        if any(v.published for v in row.values.values())
    }
    assert beside == {"CLIP"}
    assert not any(value.published for row in lay_out(results).rows for value in row.values.values())
