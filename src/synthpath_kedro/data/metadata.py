"""What is known of an artifact, as typed models; the only place that reads the keys of their JSON."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from synthpath_kedro.data.artifact import Card
from synthpath_kedro.errors import InputError


class Metadata(BaseModel):
    """Facts that are written as plain JSON beside what they are about; cannot be changed after reading.

    Attributes:
        WHAT: what they are, for errors.
        HINT: what to do where they cannot be read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    WHAT: ClassVar[str] = "the metadata"
    HINT: ClassVar[str] = "run the pipeline that makes it again"

    def to_json(self) -> Card:
        """As plain JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The inverse of ``to_json``.

        Raises:
            InputError: a fact is missing, unknown or of another type; the first such is named.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            fact = ".".join(map(str, first["loc"]))
            reason = f"{fact}: {first['msg']}" if fact else first["msg"]
            raise InputError(f"{cls.WHAT} is damaged or of another version ({reason}); {cls.HINT}") from error
