"""Versions of the packages that decide the numbers."""

from synthpath_kedro.report.section import Evidence, Section, SectionContent


def _build(_: Evidence) -> SectionContent:
    from synthpath_kedro.data.artifact import package_versions
    from synthpath_kedro.report.tables import facts_table

    return SectionContent([facts_table(package_versions().items())])


SECTION = Section(name="versions", title="Versions", question="provenance", needs=(), build=_build)
