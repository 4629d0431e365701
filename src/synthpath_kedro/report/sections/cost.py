"""What each stage cost."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.evaluation.rows import records
    from synthpath_kedro.report.cost import duration, with_run_times
    from synthpath_kedro.report.tables import plain_table

    cost = with_run_times(evidence["cost"], evidence["run_times"])
    if cost.empty:
        return SectionContent()
    rows = [
        {
            "Stage": str(row["stage"]),
            "Time": duration(row["seconds"]),
            "Images per second": ""
            if row["images_per_second"] != row["images_per_second"]
            else f"{row['images_per_second']:,.1f}",
        }
        for row in records(cost)
    ]
    total = {"Stage": "total", "Time": duration(cost["seconds"].sum()), "Images per second": ""}
    return SectionContent([plain_table([*rows, total], opens=frozenset([len(rows)]))])


SECTION = Section(
    name="cost",
    title="Cost",
    question="provenance",
    needs=("cost", "run_times"),
    build=_build,
    absent="Cost was not recorded.",
)
