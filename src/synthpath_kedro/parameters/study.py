"""All of conf's parameters, read and checked at once."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from synthpath_kedro.errors import InputError
from synthpath_kedro.parameters.block import Block, one_of
from synthpath_kedro.parameters.classification import ClassificationParameters
from synthpath_kedro.parameters.data_prep import DataPrepParameters
from synthpath_kedro.parameters.diffusion import DiffusionParameters
from synthpath_kedro.parameters.evaluation import EvaluationParameters
from synthpath_kedro.parameters.report import ReportParameters
from synthpath_kedro.parameters.synthesis import SynthesisParameters
from synthpath_kedro.parameters.training import TrainingParameters
from synthpath_kedro.study.grid import ALL
from synthpath_kedro.study.regimes import REGIMES
from synthpath_kedro.study.table import nearest_names


class Parameters(Block):
    """All of conf's parameters."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    model: str
    regime: Annotated[str, AfterValidator(lambda name: one_of((ALL, *REGIMES))(name))]
    data_prep: DataPrepParameters
    diffusion: DiffusionParameters
    synthesis: SynthesisParameters
    classification: ClassificationParameters
    evaluation: EvaluationParameters
    training: TrainingParameters
    report: ReportParameters

    @model_validator(mode="after")
    def _only_a_phantom_has_an_oracle(self) -> "Parameters":
        """So that an environment with a positive control takes real images too: it is left out then."""
        if self.data_prep.source == "phantom" or not self.synthesis.oracle_models:
            return self
        return self.model_copy(update={"synthesis": self.synthesis.model_copy(update={"oracle_models": ()})})

    @model_validator(mode="after")
    def _model_is_the_studys(self) -> "Parameters":
        names = (ALL, *self.classification.models)
        if self.model not in names:
            raise ValueError(f"model is {self.model!r}; it should be {', '.join(names)} (classification.models)")
        return self

    @model_validator(mode="after")
    def _sets_of_models_are_the_studys(self) -> "Parameters":
        names = self.synthesis.synthetic_sets
        for model in self.classification.models:
            for name in self.classification.backbone(model).sets or ():
                if name not in names:
                    raise ValueError(
                        f"classification.backbones.{model}.sets names {name!r}, which is no synthetic set of the "
                        f"study; valid: {', '.join(names)}{nearest_names(name, names)}"
                    )
        return self

    @model_validator(mode="after")
    def _evaluated_models_are_the_studys(self) -> "Parameters":
        names = self.classification.models
        for key in ("attack_cells", "corruption_cells", "tsne_cells"):
            for name in getattr(self.evaluation, key).models or ():
                if name not in names:
                    raise ValueError(
                        f"evaluation.{key}.models names {name!r}, which classification.models does not; "
                        f"valid: {', '.join(names)}{nearest_names(name, names)}"
                    )
        return self


def read_parameters(values: dict[str, Any]) -> Parameters:
    """Reads all parameters.

    Raises:
        InputError: a key is unknown or a value is not valid; names every offending value, and what is valid.
    """
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        raise InputError("; ".join(_explain(mistake) for mistake in error.errors())) from error


def _explain(mistake: ErrorDetails) -> str:
    path = [str(part) for part in mistake["loc"]]
    key = ".".join(path)
    if mistake["type"] == "extra_forbidden":
        return f"unknown parameter {key}; valid here: {', '.join(_keys_beside(path))}"
    if mistake["type"] == "missing":
        return f"parameter {key} is missing; conf/base has it with its default"
    if mistake["type"] == "value_error" and isinstance(mistake["input"], Mapping):
        reason = mistake["ctx"]["error"]
        return f"parameter {key}: {reason}" if key else f"parameter {reason}"
    message = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"parameter {key} is {mistake['input']!r}; it should be {message}"


def _keys_beside(path: Sequence[str]) -> list[str]:
    block: Any = Parameters
    for part in path[:-1]:
        if isinstance(block, type) and issubclass(block, Block):
            block = block.model_fields[part].annotation
        if get_origin(block) is dict:
            block = {"": get_args(block)[1]}
        elif isinstance(block, dict):
            block = block[""]
    return sorted(block.model_fields)
