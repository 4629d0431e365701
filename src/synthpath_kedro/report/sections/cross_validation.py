"""Verdicts from cross-validation, for data too small for a test set."""

from typing import Any

from synthpath_kedro.report.labels import model_label, regime_label, trainings
from synthpath_kedro.report.section import Evidence, Section, SectionContent

CAPTION = (
    "Difference of accuracies over {repeats} of {folds} of all real images ({unit}); in each fold the generator and "
    "the classifiers were trained again on about {n_train:,} images and tested on about {n_test:,}. The corrected "
    "resampled t-test (Nadeau and Bengio 2003) allows for the training images that folds share; each interval is of "
    "one comparison by itself, the verdict allows for all of them (adjusted p), for claims and for controls apart. "
    "These verdicts are about the generator, not about one set of its images."
)

TONES = ("helps", "hurts")


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import plain_table

    comparison, scores = evidence["cross_validation_comparison"], evidence["cross_validation"]
    if not len(comparison):
        return SectionContent()
    first = comparison.iloc[0]
    caption = CAPTION.format(
        repeats=_counted(scores["repeat"].nunique(), "repeat"),
        folds=_counted(scores["fold"].nunique(), "fold"),
        unit="whole patients or slides" if evidence["data_card"].groups_known else "patients unknown",
        n_train=round(first["n_train"]),
        n_test=round(first["n_test"]),
    )
    return SectionContent(tables=[plain_table(_rows(comparison), caption=caption)])


def _rows(comparison: Any) -> list[dict[str, Any]]:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.values import Fixed, PValue, Range, Verdict

    labels = {(training.regime, training.set): training.label for training in trainings(comparison)}
    return [
        {
            "model": model_label(row["model"]),
            "comparison": f"{labels[row['regime'], row['set']]} against {regime_label(row['baseline'])}",
            "verdict": Verdict(row["verdict"].replace("_", " "), row["verdict"] if row["verdict"] in TONES else ""),
            "difference": Fixed(row["difference"], signed=True),
            "95 % interval": Range(row["ci_low"], row["ci_high"], signed=True),
            "adjusted p": PValue(row["p_adjusted"]) if row["p_adjusted"] == row["p_adjusted"] else "",
            "folds": int(row["folds"]),
        }
        for row in records(comparison)
    ]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


SECTION = Section(
    name="cross_validation",
    title="Verdicts by cross-validation",
    question="help",
    needs=("data_card", "cross_validation", "cross_validation_comparison"),
    build=_build,
    absent=(
        "No cross-validation of this data, which is for small test sets: kedro run --pipeline=cross_validation makes "
        "it, and kedro run --pipelines=evaluation --tags=report shows it here."
    ),
)
