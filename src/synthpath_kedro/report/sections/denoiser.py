"""The denoiser that this study trained."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent

_ELSEWHERE = ("parameters", "versions", "key", "class_names", "replicates")


def _build(evidence: Evidence) -> SectionContent:
    from synthpath_kedro.report.tables import facts_table, flattened
    from synthpath_kedro.report.values import Exact

    card = evidence["denoiser_card"]
    shown = {key.replace("_", " "): value for key, value in card.items() if key not in _ELSEWHERE}
    shown.setdefault("start", "random weights")
    replicates = card.get("replicates", [])
    if len(replicates) > 1:
        shown = {key: value for key, value in shown.items() if key not in ("epochs", "images seen")}
        shown |= {f"replicate {k}": one for k, one in enumerate(replicates)}
    parameters = dict(flattened(card.get("parameters", {})))
    facts = [(key, value) for key, value in flattened(shown) if key.replace(" ", "_") not in parameters]
    facts += parameters.items()
    return SectionContent([facts_table([(key, Exact(value)) for key, value in facts])])


SECTION = Section(
    name="denoiser",
    title="Denoiser",
    question="provenance",
    needs=("denoiser_card",),
    build=_build,
    absent="No denoiser: these images were not made by this study's denoiser.",
)
