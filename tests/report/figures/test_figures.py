import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from synthpath_kedro.data.images import LabeledImages
from synthpath_kedro.report.figures.accuracy_by_regime import accuracy_by_regime
from synthpath_kedro.report.figures.class_distribution import class_distribution
from synthpath_kedro.report.figures.denoiser_loss import denoiser_loss
from synthpath_kedro.report.figures.denoiser_samples import denoiser_samples
from synthpath_kedro.report.figures.f1_by_class import f1_by_class
from synthpath_kedro.report.figures.fidelity_by_class import fidelity_by_class
from synthpath_kedro.report.figures.generators import generators
from synthpath_kedro.report.figures.learning_curve import learning_curve
from synthpath_kedro.report.figures.real_and_synthetic import real_and_synthetic
from synthpath_kedro.report.figures.reconstruction import reconstruction
from synthpath_kedro.report.figures.robustness import robustness as draw_robustness
from synthpath_kedro.report.figures.sample_grid import sample_grid
from synthpath_kedro.report.figures.style import png_bytes
from synthpath_kedro.report.figures.synthetic_count import synthetic_count
from synthpath_kedro.report.figures.training_history import training_history
from synthpath_kedro.report.figures.tsne import tsne
from synthpath_kedro.study.grid import Cell

NOTE = "digital phantom, not tissue"
LONG = "colorectal adenocarcinoma epithelium, $5 a slide_"


def names(n_classes):
    return tuple(f"{LONG}{label}" for label in range(n_classes))


def images_of(n_classes, size=(12, 12)):
    images = np.random.default_rng(0).integers(0, 256, (2 * n_classes, *size, 3), dtype=np.uint8)
    return LabeledImages(images, np.repeat(np.arange(n_classes), 2), names(n_classes))


def distribution(n_classes):
    table = pd.DataFrame(
        {"class": names(n_classes), "train": 6, "val": 1, "test": 1, "total": 8, "share": 1 / n_classes}
    )
    table.loc[0, ["train", "total"]] = [15, 17]
    return table


def points(n_classes):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(8 * n_classes, 2)), columns=["x", "y"])
    return table.assign(
        label=np.arange(len(table)) % n_classes, source=np.where(rng.random(len(table)) < 0.5, "real_test", "synthetic")
    )


def losses():
    return pd.DataFrame(
        {
            "replicate": 0,
            "epoch": [1, 2, 3],
            "train_loss": [1.0, 0.1, 0.03],
            "val_loss": [1.1, 0.12, np.nan],
            "learning_rate": 1e-3,
        }
    )


def samples(n_classes):
    return {epoch: images_of(n_classes).images for epoch in (2, 4, 9)}


def per_class(n):
    rows = [("cnn", regime, "", 0, name, 0.1 * k) for k, name in enumerate(names(n)) for regime in ("real", "mixed")]
    return pd.DataFrame(rows, columns=["model", "regime", "set", "replicate", "class", "f1"])


def test_rare_classes_stand_first_and_thinned_ones_are_marked():
    table = pd.DataFrame({"class": ["many", "few"], "train": [90, 3]})
    scores = pd.DataFrame(
        {
            "model": "cnn",
            "regime": ["real", "mixed"] * 2,
            "set": "",
            "replicate": 0,
            "class": ["many"] * 2 + ["few"] * 2,
        }
    )
    figure = f1_by_class(scores.assign(f1=[0.9, 0.8, 0.1, 0.5]), table, ("few",))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["few (subsampled), n = 3", "many, n = 90"]
    assert figure.axes[0].yaxis_inverted()


FIGURES = {
    "class_distribution": lambda n: class_distribution(distribution(n), note=NOTE),
    "sample_grid": lambda n: sample_grid(images_of(n), note=NOTE),
    "real_and_synthetic": lambda n: real_and_synthetic(images_of(n), images_of(n, (20, 20)), note=NOTE),
    "reconstruction": lambda n: reconstruction(images_of(n), images_of(n), note=NOTE),
    "denoiser_samples": lambda n: denoiser_samples(samples(n), names(n), note=NOTE),
    "f1_by_class": lambda n: f1_by_class(per_class(n), distribution(n), names(n)[:1], note=NOTE),
    "denoiser_loss": lambda n: denoiser_loss(losses(), note=NOTE),
    "tsne": lambda n: tsne(points(n), names(n), "ResNet18", note=NOTE),
}


@pytest.mark.parametrize("n_classes", [2, 9, 14])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_hold_any_number_of_classes_with_long_names(name, n_classes, drawn, overhang):
    figure = FIGURES[name](n_classes)
    assert NOTE in drawn(figure)
    assert overhang(figure) < 0.02


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_input_gives_the_same_picture(name):
    assert png_bytes(FIGURES[name](3)) == png_bytes(FIGURES[name](3))


def test_figures_are_made_without_pyplot():
    from matplotlib import _pylab_helpers

    figure = class_distribution(distribution(2))
    assert isinstance(figure.canvas, FigureCanvasAgg)
    assert _pylab_helpers.Gcf.get_all_fig_managers() == []


@pytest.mark.parametrize("models", [("cnn",), ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")])
def test_figures_of_cells_hold_any_number_of_models(classification, robustness, history, models, drawn, overhang):
    for draw, table in (
        (accuracy_by_regime, classification),
        (draw_robustness, robustness),
        (training_history, history),
    ):
        figure = draw(table[table["model"].isin(models)], note=NOTE)
        texts = drawn(figure)
        assert NOTE in texts
        assert {"real", "synthetic", "mixed", "CNN"} <= texts
        assert overhang(figure) < 0.02


@pytest.mark.parametrize("models", [("cnn",), ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0")])
def test_figures_by_number_of_images_have_a_panel_per_model(evidence, models, drawn, overhang):
    def of_all(name):
        return pd.concat([evidence[name].assign(model=model) for model in models])

    curve = learning_curve(of_all("learning_curve_intervals"), of_all("real_images_worth"), note=NOTE)
    assert {"+310", "more than 0", "100", "1,000", "real", "mixed", "CNN", NOTE} <= drawn(curve)
    counted = synthetic_count(of_all("synthetic_count"), note=NOTE)
    assert {"900", "real", "mixed", "CNN", NOTE} <= drawn(counted)
    for figure in (curve, counted):
        assert len(figure.axes) == len(models)
        assert overhang(figure) < 0.02


def test_the_curve_is_drawn_at_its_means(evidence):
    (axes,) = learning_curve(evidence["learning_curve_intervals"], evidence["real_images_worth"]).axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() != "None"]
    assert [line.get_xydata().tolist() for line in lines] == [[[100, 0.7], [1000, 0.7]]] * 2


@pytest.mark.parametrize("draw", [accuracy_by_regime, draw_robustness, training_history])
def test_without_cells_a_figure_says_so(draw, drawn):
    assert "no cell has been trained" in drawn(draw(pd.DataFrame(columns=["model", "regime", "set", "replicate"])))


def test_the_title_gives_the_imbalance_ratio_of_the_training_images(drawn):
    assert "Class distribution: imbalance ratio 2.5" in drawn(class_distribution(distribution(9)))


def test_a_cell_of_the_study_without_results_has_a_row_that_says_so(classification, drawn):
    own = classification[classification["model"].isin(["cnn", "clip"])]
    assert "not trained" not in drawn(accuracy_by_regime(own))
    figure = accuracy_by_regime(own, [Cell("clip", "mixed", "diffusion")])
    assert "not trained" in drawn(figure)
    rows = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert rows == [["real", "synthetic", "mixed"], ["real", "synthetic", "mixed"]]


def test_points_of_accuracy_are_the_replicates_and_the_bar_is_their_mean(classification):
    axes = accuracy_by_regime(classification[classification["model"] == "cnn"]).axes[0]
    values = [offset[0] for collection in axes.collections[::2] for offset in collection.get_offsets()]
    bars = [collection.get_segments()[0][0][0] for collection in axes.collections[1::2]]
    assert values == pytest.approx([0.80, 0.82, 0.81, 0.83, 0.82, 0.84])
    assert bars == pytest.approx([0.81, 0.82, 0.83])


def test_one_budget_is_drawn_against_the_attack(robustness, drawn):
    texts = drawn(draw_robustness(robustness))
    assert {"clean", "uniform\nnoise", "FGSM", "BIM"} <= texts
    assert "Robustness, eps 8/255" in texts


def test_several_budgets_are_drawn_as_curves_that_start_at_the_clean_accuracy(robustness):
    budgets = pd.concat([robustness.assign(eps=level / 255) for level in (0, 1, 8)])
    curve = draw_robustness(budgets).axes[0].lines[0]
    assert curve.get_xdata().tolist() == pytest.approx([0, 1, 8])
    assert curve.get_ydata()[0] == pytest.approx(0.81)
    assert curve.get_ydata()[2] == pytest.approx(0.80)


def test_the_best_epoch_of_the_denoiser_is_marked(drawn):
    assert "best: 0.12 at epoch 2" in drawn(denoiser_loss(losses()))


def test_several_denoisers_have_a_line_each_and_one_legend(drawn):
    both = pd.concat([losses(), losses().assign(replicate=1, val_loss=lambda table: table["val_loss"] / 2)])
    figure = denoiser_loss(both)
    curves = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert len(curves) == 4
    assert [line.get_alpha() for line in curves] == [1, 1, 0.45, 0.45]
    assert "best: 0.06 at epoch 2" in drawn(figure)
    assert sorted(set(drawn(figure)) & {"training", "validation"}) == ["training", "validation"]


def test_the_last_samples_of_other_denoisers_are_below_the_epochs():
    one = images_of(2).images
    figure = denoiser_samples({1: one, 2: one}, ("a", "b"), {"replicate 1": one})
    assert [axes.get_ylabel() for axes in figure.axes] == ["epoch 1", "epoch 2", "replicate 1"]


def test_samples_show_the_first_and_the_last_epoch(drawn):
    many = {epoch: images_of(2).images for epoch in range(1, 44)}
    texts = drawn(denoiser_samples(many, ("a", "b")))
    epochs = sorted(int(text.split()[1]) for text in texts if text.startswith("epoch "))
    assert (len(epochs), epochs[0], epochs[-1]) == (6, 1, 43)


def test_without_samples_the_figure_says_why(drawn):
    assert "training ended before the first samples were drawn" in drawn(denoiser_samples({}, ("a", "b")))


def test_a_class_with_too_few_images_leaves_places_empty():
    picture = sample_grid(images_of(2), per_class=3).axes[0].images[0].get_array()
    assert (picture[:12, -12:] == 255).all()


def test_the_embedding_counts_real_and_synthetic_points(drawn):
    table = points(2)
    n_real = int((table["source"] == "real_test").sum())
    assert f"real test, n = {n_real}" in drawn(tsne(table, ("a", "b"), "CNN"))


def test_numbers_of_images_are_counted_in_whole_ticks():
    axes = class_distribution(distribution(2).assign(train=7, val=1, test=1, total=9)).axes[0]
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_figures_of_cells_hold_several_sets_and_augmentation(evidence_of_two_sets, drawn, overhang):
    figure = accuracy_by_regime(evidence_of_two_sets["classification"], note=NOTE)
    assert {"augmented mixed (bad)", "augmented real", "synthetic (good)"} <= drawn(figure)
    assert overhang(figure) < 0.02


def test_a_measure_that_no_generator_has_is_a_panel_of_dashes(evidence_of_two_sets):
    table = evidence_of_two_sets["generators"].assign(accuracy_alone=float("nan"))
    panel = generators(table).axes[2]
    assert [text.get_text().strip() for text in panel.texts] == ["\N{EN DASH}"] * 2


def test_a_distance_below_zero_is_written_right_of_its_bar(evidence_of_two_sets):
    table = evidence_of_two_sets["generators"].assign(kernel_distance_of_classes=[-0.065, 6.0])
    texts = generators(table).axes[0].texts
    assert [(text.get_position()[0], text.get_text()) for text in texts] == [(0, " -0.065"), (6, " 6.000")]


def test_generators_stand_in_their_rank(evidence_of_two_sets, drawn, overhang):
    figure = generators(evidence_of_two_sets["generators"], note=NOTE)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["good", "bad"]
    assert figure.axes[0].yaxis_inverted()
    assert NOTE in drawn(figure)
    assert overhang(figure) < 0.02


def test_each_class_has_a_row_and_each_set_its_mark(drawn, overhang):
    table = pd.DataFrame({"gan": [2.0, float("nan")], "real train": [0.1, -0.1]}, index=["mucus", "$tumor"])
    figure = fidelity_by_class({"kernel distance": table, "stain, (0.01 OD)²": table}, note=NOTE)
    assert {"mucus", r"\$tumor", "gan", "real train", "kernel distance", NOTE} <= drawn(figure)
    real = figure.axes[0].collections[1]
    assert real.get_offsets().tolist() == [[0.1, 0], [-0.1, 1]]
    assert figure.axes[0].yaxis_inverted()
    assert overhang(figure) < 0.02


def test_an_oracle_is_named_as_a_perfect_generator_below_the_ranked(evidence_of_two_sets):
    table = evidence_of_two_sets["generators"]
    figure = generators(table.assign(rank=pd.Series([1, pd.NA], dtype="Int64")))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["good", "bad\n(perfect generator)"]


def test_points_of_several_sets_are_named_by_set(drawn):
    table = points(2)
    sources = table["source"].mask(table["source"] == "synthetic", "gan")
    several = table.assign(source=sources.mask(table.index % 4 == 0, "oracle"))
    texts = drawn(tsne(several, ("a", "b"), "CNN"))
    assert {text.split(",")[0] for text in texts if ", n = " in text} == {"real test", "gan", "oracle"}
