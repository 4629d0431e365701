"""Which version of a dataset a run loads."""

from collections.abc import Iterable

from kedro.io import AbstractVersionedDataset, DataCatalog
from kedro.io.core import VersionNotFoundError, generate_timestamp


class OwnVersion:
    """Mixed into a versioned dataset: a run that has saved a version loads that one, whatever others appear.

    Otherwise Kedro's rule holds: the version that the user names, else the newest by name when it is first asked for.
    """

    def resolve_load_version(self) -> str | None:
        version = self._version  # type: ignore[attr-defined]
        if version and not version.load and version.save and self._is_saved(version.save):
            return version.save
        return super().resolve_load_version()  # type: ignore[misc]

    def _is_saved(self, version: str) -> bool:
        return self._exists_function(str(self._get_versioned_path(version)))  # type: ignore[attr-defined]


def versions_from_the_future(catalog: DataCatalog, names: Iterable[str]) -> dict[str, str]:
    """Of the datasets ``names``, those whose newest version is dated after now: the version by name."""
    now, found = generate_timestamp(), {}
    for name in names:
        dataset = catalog[name]
        if not isinstance(dataset, AbstractVersionedDataset) or not dataset._version or dataset._version.load:
            continue
        try:
            newest = dataset.resolve_load_version()
        except VersionNotFoundError:
            continue
        if newest and newest > now:
            found[name] = newest
    return found
