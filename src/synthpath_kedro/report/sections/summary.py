"""The study's result in sentences."""

from synthpath_kedro.report.labels import cell_label
from synthpath_kedro.report.section import Evidence, Note, Section, SectionContent


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.comparison_tables import CLAIM, CONTROL, accuracy_rows
    from synthpath_kedro.report.summary import (
        control_sentences,
        corruption_sentences,
        difference_sentences,
        mean_differences,
        sensitivity_sentence,
        verdict_sentences,
    )

    comparison, missing = accuracy_rows(evidence["comparison"]), evidence["missing_cells"]
    if len(comparison):
        claims, controls = (comparison[comparison["family"] == family] for family in (CLAIM, CONTROL))
        ratio = evidence["parameters"].classification.mixing_ratio
        sentences = [
            *verdict_sentences(claims, ratio),
            sensitivity_sentence(claims),
            *control_sentences(controls),
            *corruption_sentences(evidence["corruption_comparison"], ratio),
        ]
    else:
        sentences = difference_sentences(mean_differences(evidence["classification"]))
    notes = [Note(sentence) for sentence in sentences if sentence]
    if missing:
        notes.append(Note(f"{', '.join(map(cell_label, missing))}.", "Not trained:"))
    return SectionContent(notes=notes)


SECTION = Section(
    name="result",
    title="Result",
    question="summary",
    needs=("parameters", "classification", "comparison", "corruption_comparison", "missing_cells"),
    build=_build,
    absent="No result: no classifier has been evaluated.",
    lead=True,
)
