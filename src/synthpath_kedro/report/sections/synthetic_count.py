"""How many synthetic images it takes."""

from synthpath_kedro.report.labels import model_label, trainings
from synthpath_kedro.report.section import Evidence, ReportFigure, Section, SectionContent

CAPTION = (
    "All real training images, and so many images of the synthetic set, each class with its share; every training is "
    "given the same number of steps (patience may end it sooner). A point is a replicate, a level line the training "
    "without synthetic images.{left_out}"
)
LEFT_OUT = " Left out, because a set has fewer images: {counts} synthetic images per real one."
ALT = "Accuracy of each classifier against the number of synthetic images it was trained on"


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.data.lineage import source_note
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.figures.synthetic_count import synthetic_count
    from synthpath_kedro.report.tables import plain_table
    from synthpath_kedro.report.values import Mean

    scores = evidence["synthetic_count"]
    labels = {(training.regime, training.set): training.label for training in trainings(scores)}
    cells = scores.groupby(["model", "regime", "set", "n_synthetic"], sort=False)["accuracy"].agg(["mean", "std"])
    rows = [
        {
            "model": model_label(row["model"]),
            "trained on": labels[row["regime"], row["set"]],
            "synthetic images": int(row["n_synthetic"]),
            "accuracy": Mean(row["mean"], row["std"]),
        }
        for row in records(cells.reset_index())
    ]
    caption = CAPTION.format(left_out=_left_out(evidence))
    figure = synthetic_count(scores, note=source_note(phantom=evidence["data_card"].phantom))
    return SectionContent(
        tables=[plain_table(rows, caption="Mean over replicates, with its standard deviation.", folded=True)],
        figures={"synthetic_count": ReportFigure("Accuracy by number of synthetic images", caption, ALT, figure)},
    )


def _left_out(evidence: Evidence) -> str:
    """A sentence about the counts that were asked for and that a set does not hold; empty where there are none."""
    scores, cards = evidence["synthetic_count"], evidence["generator_cards"]
    used = [cards[name] for name in scores["set"].unique() if name in cards]
    smallest = min((card.total // card.replicates for card in used), default=0)
    asked = evidence["parameters"].classification.learning_curve.synthetic_counts
    beyond = [f"{count:g}" for count in asked if round(count * scores["n_train"].iloc[0]) > smallest]
    return LEFT_OUT.format(counts=", ".join(beyond)) if beyond else ""


SECTION = Section(
    name="synthetic_count",
    title="How many synthetic images it takes",
    question="help",
    needs=("data_card", "parameters", "generator_cards", "synthetic_count"),
    build=_build,
    absent=(
        "No comparison of numbers of synthetic images: kedro run --pipeline=learning_curve makes it, and kedro run "
        "--pipelines=evaluation --tags=report shows it here."
    ),
)
