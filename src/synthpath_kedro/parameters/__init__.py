"""One pydantic model for every parameter block in conf; the only place that reads the keys."""

from synthpath_kedro.parameters.classification import (
    BackboneParameters,
    ClassificationParameters,
    ConfidenceFilteringParameters,
    LearningCurveParameters,
)
from synthpath_kedro.parameters.data_prep import DataPrepParameters, PhantomParameters, SplitParameters
from synthpath_kedro.parameters.diffusion import (
    AutoencoderParameters,
    DenoiserParameters,
    DiffusionParameters,
    NoiseScheduleParameters,
)
from synthpath_kedro.parameters.evaluation import (
    CellsParameters,
    CrossValidationParameters,
    EvaluationParameters,
    FeatureParameters,
    PrivacyParameters,
)
from synthpath_kedro.parameters.network import NetworkParameters
from synthpath_kedro.parameters.report import ReportParameters
from synthpath_kedro.parameters.study import Parameters, read_parameters
from synthpath_kedro.parameters.synthesis import SynthesisParameters, SyntheticSetParameters
from synthpath_kedro.parameters.training import TrainingParameters

__all__ = [
    "AutoencoderParameters",
    "BackboneParameters",
    "CellsParameters",
    "ClassificationParameters",
    "ConfidenceFilteringParameters",
    "CrossValidationParameters",
    "DataPrepParameters",
    "DenoiserParameters",
    "DiffusionParameters",
    "EvaluationParameters",
    "FeatureParameters",
    "LearningCurveParameters",
    "NetworkParameters",
    "NoiseScheduleParameters",
    "Parameters",
    "PhantomParameters",
    "PrivacyParameters",
    "ReportParameters",
    "SplitParameters",
    "SynthesisParameters",
    "SyntheticSetParameters",
    "TrainingParameters",
    "read_parameters",
]
