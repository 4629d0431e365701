"""The whole study in the tiny environment, run as a user runs it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Kedro = Callable[..., subprocess.CompletedProcess]

CELLS = [("cnn", "real"), ("cnn", "mixed"), ("resnet18", "real"), ("resnet18", "mixed")]


@pytest.fixture(scope="module")
def kedro(workplace: Path) -> Kedro:
    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "kedro", *arguments]
        return subprocess.run(command, cwd=workplace, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def study(kedro: Kedro, workplace: Path) -> Path:
    """The tiny study's results."""
    done = kedro("run", "--env=tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    return workplace / "data" / "tiny"


def test_the_study_leaves_the_artifacts_of_the_contract(study: Path) -> None:
    card = json.loads((study / "03_primary/card.json").read_text())
    assert card["source"] == "phantom"
    assert {name: split["n"] for name, split in card["splits"].items()} == {"train": 90, "val": 45, "test": 45}
    assert len(list(study.glob("06_models/denoiser.safetensors/*/denoiser.safetensors"))) == 1
    for model, regime in CELLS:
        folder = study / "06_models/classifiers" / model / regime
        assert len(list(folder.glob("classifier.safetensors/*/classifier.safetensors"))) == 1
        metrics = json.loads((study / "08_reporting/metrics" / model / regime / "metrics.json").read_text())
        assert 0 <= metrics["accuracy"] <= 1
    manifest = json.loads((study / "07_model_output/synthetic/manifest.json").read_text())
    assert manifest["total"] == 90
    assert not [path for path in (study / "scratch").rglob("*") if path.is_file()]


def test_every_table_has_a_row_per_cell_and_replicate(study: Path) -> None:
    (path,) = study.glob("08_reporting/tables/classification.csv/*/classification.csv")
    table = pd.read_csv(path)
    assert list(table.columns[:6]) == ["model", "regime", "set", "replicate", "weights", "n"]
    assert table["set"].dropna().unique().tolist() == ["diffusion"]
    assert set(table.loc[table["set"].isna(), "regime"]) == {"real"}
    assert len(table) == len(CELLS) * 2
    assert set(table["n"]) == {45}
    (path,) = study.glob("08_reporting/tables/robustness.csv/*/robustness.csv")
    robustness = pd.read_csv(path)
    assert robustness.groupby("control").size().to_dict() == {False: len(CELLS) * 2 * 3, True: len(CELLS) * 2 * 3}


def test_the_report_is_one_file_that_says_that_the_phantom_is_no_tissue(study: Path) -> None:
    report = (study / "08_reporting/report.html").read_text()
    assert "Digital phantom, not tissue" in report
    assert 'src="http' not in report


def test_the_verdict_can_be_read_by_a_machine(kedro: Kedro, study: Path) -> None:
    comparisons = json.loads((study / "08_reporting/verdict.json").read_text())["comparisons"]
    pairs = {(one["model"], one["regime"], one["set"], one["baseline"]) for one in comparisons}
    assert pairs == {("cnn", "mixed", "diffusion", "real"), ("resnet18", "mixed", "diffusion", "real")}
    verdicts = {one["verdict"] for one in comparisons}
    assert verdicts <= {"helps", "hurts", "no_evidence", "no_verdict"}
    checked = kedro("study", "check", "--env=tiny", *[f"--fail-if={verdict}" for verdict in verdicts])
    assert checked.returncode == 3, checked.stderr


def test_nothing_is_made_again_where_nothing_is_missing(kedro: Kedro, study: Path) -> None:
    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.is_file() and path.suffix != ".log"}

    before = times()
    done = kedro("run", "--env=tiny", "--only-missing-outputs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert before == times()


def test_a_study_is_not_completed_after_its_data_was_prepared_again(kedro: Kedro, study: Path) -> None:
    card = study / "03_primary/card.json"
    before = card.read_text()
    card.write_text(json.dumps(json.loads(before) | {"digest": "another"}))
    refused = kedro("run", "--env=tiny", "--only-missing-outputs")
    card.write_text(before)
    assert refused.returncode == 1
    assert "--only-missing-outputs keeps what is there, but data_card was made from data another" in refused.stderr


def test_a_study_is_not_completed_with_other_parameters(kedro: Kedro, study: Path) -> None:
    refused = kedro("run", "--env=tiny", "--only-missing-outputs", "--params=classification.max_epochs=1")
    assert refused.returncode == 1
    assert "classification.max_epochs is 1 and it was made with 2" in refused.stderr
    assert (
        "kedro run --env=tiny --params=classification.max_epochs=1 --pipelines=classification,evaluation"
        in refused.stderr
    )


def test_a_run_leaves_a_log_with_more_than_the_terminal_shows(study: Path) -> None:
    log = min((study / "logs").glob("run_*.log")).read_text()
    assert " DEBUG synthpath_kedro.hooks: environment tiny, pipelines all" in log
    assert " INFO kedro.io.data_catalog: Saving data to " in log


def test_one_cell_runs_alone_and_keeps_the_older_version(kedro: Kedro, study: Path) -> None:
    done = kedro("run", "--env=tiny", "--pipeline=classification", "--params=model:cnn,regime:mixed")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = study / "06_models/classifiers"
    versions = {cell: len(list((folder / "/".join(cell) / "classifier.safetensors").iterdir())) for cell in CELLS}
    assert versions == dict.fromkeys(CELLS, 1) | {("cnn", "mixed"): 2}


def newest(study: Path, table: str) -> pd.DataFrame:
    return pd.read_csv(max(study.glob(f"08_reporting/tables/{table}.csv/*/{table}.csv")), keep_default_na=False)


def test_learning_curve_and_cross_validation_leave_their_tables_and_sections(kedro: Kedro, study: Path) -> None:
    for pipeline in ("learning_curve", "cross_validation"):
        done = kedro("run", "--env=tiny", f"--pipeline={pipeline}", "--params=model:cnn")
        assert done.returncode == 0, done.stdout + done.stderr
    curve, own = newest(study, "learning_curve"), newest(study, "classification")
    assert curve.groupby("n_train").size().to_dict() == {45: 4, 90: 4}
    at_all, cnn = curve[curve["n_train"] == 90], own[own["model"] == "cnn"]
    assert at_all["accuracy"].tolist() == pytest.approx(cnn["accuracy"].tolist())  # the study's own cells
    assert newest(study, "real_images_worth")["n_train"].tolist() == [45, 90]
    assert set(newest(study, "synthetic_count")["n_synthetic"]) == {0, 45, 90}
    folds = newest(study, "cross_validation")
    assert folds.groupby(["repeat", "fold"])["n"].first().tolist() == [90, 90]
    assert newest(study, "cross_validation_comparison")["folds"].tolist() == [2]
    assert not [path for path in (study / "scratch").rglob("*") if path.is_file()]

    report = study / "08_reporting/report.html"
    assert "kedro run --pipeline=learning_curve makes it" in report.read_text()
    done = kedro("run", "--env=tiny", "--pipelines=evaluation", "--tags=report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This synthetic set is worth k real images" in report.read_text()
    assert "Verdicts by cross-validation" in report.read_text()


def files_of(study: Path) -> list[Path]:
    """All but the logs: a mistake that a node finds is in the log of its run."""
    return sorted(path for path in study.rglob("*") if path.is_file() and path.suffix != ".log")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--params=model:reznet"], "parameter model is 'reznet'"),
        (
            ["--params=model:cnn"],
            "run it with kedro run --env=tiny --params=model=cnn --pipeline=classification",
        ),
        (
            ["--pipeline=classification", "--params=model:clip"],
            "parameter model is 'clip'; it should be all, cnn, resnet18",
        ),
        (["--params=classification.max_epochs:0"], "parameter classification.max_epochs is 0"),
        (["--params=synthesis.eta=0.5"], "synthesis.eta is 0.5 with synthesis.sampler heun: only ddim has it"),
        (["--params=evaluation.attacks=fgsm"], "parameter evaluation.attacks is 'fgsm'"),
        (["--params=data_prep.source=npz,data_prep.path=gone.npz"], "gone.npz"),
        (["--nodes=train"], "unknown node train; there are"),
        (["--tags=repport"], "unknown tag repport; valid: cells"),
        (["--tags=report", "--from-inputs=gone"], "unknown dataset gone; there are"),
        (["--pipeline=data_prep", "--tags=report"], "unknown tag report; valid: data_prep"),
        (["--runner=Fast"], "unknown runner Fast; valid: SequentialRunner, ParallelRunner, ThreadRunner"),
        (
            ["--load-versions=denoiser:2020-01-01T00.00.00.000Z"],
            "denoiser has no version 2020-01-01T00.00.00.000Z; there are: 2",
        ),
        (["--load-versions=run_times:2020"], "run_times has no versions"),
        (["--load-versions=gone:2020"], "gone"),
    ],
)
def test_a_mistake_stops_the_run_before_anything_is_written(
    kedro: Kedro, study: Path, arguments: list[str], message: str
) -> None:
    before = files_of(study)
    refused = kedro("run", "--env=tiny", *arguments)
    assert refused.returncode == 1
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    assert files_of(study) == before


def test_a_pipeline_without_its_inputs_says_which_pipelines_make_them(kedro: Kedro, tmp_path: Path) -> None:
    refused = kedro("run", "--env=demo", "--pipeline=classification")
    assert refused.returncode == 1
    assert "kedro run --env=demo --pipelines=data_prep,diffusion,synthesis" in refused.stderr


def test_the_notebook_shows_the_study(study: Path, workplace: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--nbmake", "-p", "no:cacheprovider", "notebooks/01_study.ipynb"]
    environment = {"KEDRO_ENV": "tiny"}
    import os

    done = subprocess.run(
        command, cwd=workplace, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
