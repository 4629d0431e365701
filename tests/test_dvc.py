"""What dvc.yaml must be for DVC to accept it beside git, in any environment; that it reproduces the study is slow."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from synthpath_kedro.commands.environments import Environment
from synthpath_kedro.commands.study_file import study_file_text
from synthpath_kedro.parameters import ClassificationParameters, EvaluationParameters

CELLS = ("cnn-real", "cnn-mixed", "resnet18-real", "resnet18-mixed")
DECIDES_NOTHING = ("errors.py", "checks.py", "grid.py", "table.py", "loggers.py")
STUDY_LEVEL = {"bootstrap_resamples", "calibration_bins", "neighbors", "features", "privacy", "margin"}
STUDY_LEVEL |= {"cross_validation", "selective_coverages", "conformal_coverage"}

Run = Callable[..., str]


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    """What a fresh clone has, as a git repository."""
    for name in ("conf", "src", ".dvc"):
        shutil.copytree(project / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "tmp", "cache"))
    for path in (tmp_path / "conf/local").iterdir():
        path.unlink()
    for name in ("pyproject.toml", ".telemetry", "dvc.yaml", "study.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(project / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def run(clone: Path) -> Run:
    """Runs a command in the clone; gives what it printed."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": tools, "PYTHONPATH": str(clone / "src")}
    environment.pop("KEDRO_ENV", None)

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    return run


def stages(run: Run) -> set[str]:
    return set(run("dvc", "stage", "list", "--name-only").split())


def of_study(name: str, cells: tuple[str, ...], *more: str) -> set[str]:
    whole = ("study", "data_prep", "synthesis", "report", *more)
    parts = {f"{part}@{name}-{cell}" for part in ("classification", "evaluation") for cell in cells}
    return {f"{part}@{name}" for part in whole} | parts


def definitions(project: Path) -> dict[str, dict]:
    """The stages as they are written, without their loops."""
    found = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in found.items()}


def keys_of(stage: dict) -> set[str]:
    return {key for entry in stage["params"] for keys in entry.values() for key in keys}


def test_a_fresh_clone_is_about_base(project: Path) -> None:
    shipped = (project / "study.yaml").read_text()
    if any((project / "conf/local").glob("parameters*")):
        pytest.skip("conf/local has parameters of the user's own")
    assert shipped == study_file_text(Environment("base", project))


def test_stages_carry_the_environment_and_the_cells_of_its_study(run: Run) -> None:
    models, regimes = ("cnn", "resnet18", "dinov2", "clip", "efficientnet_lite0"), ("real", "synthetic", "mixed")
    assert stages(run) == of_study("base", tuple(f"{m}-{r}" for m in models for r in regimes), "diffusion")
    run("kedro", "study", "use", "tiny")
    assert stages(run) == of_study("tiny", CELLS, "diffusion")
    assert "data/tiny/08_reporting/report.html" in run("dvc", "dag", "--outs")


def test_an_environment_of_ones_own_has_its_stages_and_depends_on_its_images(clone: Path, run: Run) -> None:
    for folder in ("tiles/train/a", "made/a", "bought/a"):
        (clone / folder).mkdir(parents=True)
    run("kedro", "study", "new", "mine", "--like", "tiny", "--path", "tiles", "--synthetic-path", "made")
    run("kedro", "study", "use", "mine")
    assert stages(run) == of_study("mine", CELLS) | {"own_set@mine-image_folder"}
    needed = re.findall(r"modified: +(\S+)", run("dvc", "status", "data_prep@mine", "own_set@mine-image_folder"))
    assert {"tiles", "made"} <= set(needed)

    sets = {name: {"source": "image_folder", "path": name} for name in ("made", "bought")}
    sets["ours"] = {"source": "diffusion"}
    (clone / "conf/mine/parameters_synthesis.yml").write_text(yaml.safe_dump({"synthesis": {"sets": sets}}))
    run("kedro", "study", "use", "mine")
    assert stages(run) == of_study("mine", CELLS, "diffusion") | {"own_set@mine-made", "own_set@mine-bought"}


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the user's; asked for before ``run``."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


def test_images_behind_links_and_below_the_home_are_noticed_and_a_touched_file_is_not(
    home: Path, clone: Path, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = tmp_path_factory.mktemp("store")
    for folder in (home / "tiles/train/a", store / "b/deeper"):
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(b"1")
    (home / "tiles/train/b").symlink_to(store / "b")
    (store / "b/circle").symlink_to(home / "tiles")
    run("kedro", "study", "new", "mine", "--like", "tiny", "--path", "~/tiles")
    run("kedro", "study", "use", "mine")
    assert "linked_folder@mine-0" in stages(run)
    study = yaml.safe_load((clone / "study.yaml").read_text())
    assert study["data"] == str(home / "tiles")
    assert [one["path"] for one in study["linked_folders"].values()] == [str(store / "b")]

    run("dvc", "repro", "linked_folder@mine-0")
    record = clone / study["root"] / "01_raw/linked_folders/0.json"
    first = record.read_text()
    (store / "b/deeper/1.png").touch()
    assert "up to date" in run("dvc", "status", "linked_folder@mine-0")
    (store / "b/deeper/2.png").write_bytes(b"2")
    run("dvc", "repro", "linked_folder@mine-0")
    assert record.read_text() != first
    assert "mine/01_raw/linked_folders" in run("dvc", "status", "data_prep@mine")


def test_no_path_is_named_for_one_environment(project: Path) -> None:
    assert re.findall(r"data/(?:demo|tiny|\d\d_)|conf/(?:demo|tiny|local)", (project / "dvc.yaml").read_text()) == []


def test_all_code_that_is_named_exists(project: Path) -> None:
    named = [path for stage in definitions(project).values() for path in stage["deps"] if path.startswith("src/")]
    assert [path for path in named if not (project / path).exists()] == []


def imported(file: Path, src: Path) -> set[Path]:
    """The project's files that ``file`` imports when it runs, within functions too."""
    tree = ast.parse(file.read_text())
    for_types = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    skipped = {node for block in for_types for node in ast.walk(block)}
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in skipped and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    paths = [src.joinpath(*name.split(".")) for name in names if name.startswith("synthpath_kedro.")]
    files = {path.with_suffix(".py") for path in paths} | {path / "__init__.py" for path in paths}
    return {path for path in files if path.exists()}


def read_by(folders: set[Path], src: Path) -> set[Path]:
    """Every file that decides what the modules in ``folders`` make.

    Not parameter blocks, whose values DVC sees; nor what only refuses, finds a name, logs, or lists the cells.
    """
    found: set[Path] = set()
    new = {path for folder in folders for path in folder.rglob("*.py")}
    while new:
        found |= new
        new = {path for file in new for path in imported(file, src)} - found
        new = {path for path in new if path.parent.name != "parameters" and path.name not in DECIDES_NOTHING}
    return found


@pytest.mark.parametrize(
    ("stage", "pipeline", "imported_by_name"),
    [
        ("data_prep", "data_prep", []),
        ("diffusion", "diffusion", []),
        ("synthesis", "synthesis", ["generators"]),
        ("classification", "classification", ["classifiers"]),
        ("evaluation", "evaluation/cell", ["classifiers"]),
        ("report", "evaluation", ["classifiers", "report"]),
    ],
)
def test_a_stage_depends_on_all_the_code_that_it_reads(
    stage: str, pipeline: str, imported_by_name: list[str], project: Path
) -> None:
    src = project / "src"
    named = {project / path for path in definitions(project)[stage]["deps"]}
    folders = {src / "synthpath_kedro" / folder for folder in (f"pipelines/{pipeline}", *imported_by_name)}
    files = read_by(folders, src)
    if stage in ("data_prep", "diffusion", "synthesis"):
        files.discard(src / "synthpath_kedro/study/regimes.py")  # the colors of lines that their figures do not have
    missing = {path for path in files if not named & {path, *path.parents} and path.stat().st_size > 0}
    assert {str(path.relative_to(project / "src")) for path in missing} - {"synthpath_kedro/__init__.py"} == set()


def test_cells_depend_on_every_key_that_decides_them(project: Path) -> None:
    stage = definitions(project)["classification"]
    all_cells = {"models", "regimes", "backbones", "mixing_ratio", "confidence_filtering", "prompt"}
    all_cells |= {"sweep_ratios", "learning_curve"}
    expected = {f"classification.{key}" for key in ClassificationParameters.model_fields.keys() - all_cells}
    by_cell = {"${item.mixing_ratio.key}", "${item.confidence_filtering.key}", "${item.prompt.key}"}
    assert keys_of(stage) == expected | by_cell | {"classification.backbones.${item.model}", "seed"}

    stage = definitions(project)["evaluation"]
    expected = {f"evaluation.{key}" for key in EvaluationParameters.model_fields.keys() - STUDY_LEVEL}
    assert keys_of(stage) == expected | {"seed"}


def test_a_cell_depends_on_the_mixing_ratio_and_synthetic_images_only_if_it_mixes(run: Run) -> None:
    run("kedro", "study", "use", "tiny")
    of_real, of_mixed = (run("dvc", "status", f"classification@tiny-cnn-{regime}") for regime in ("real", "mixed"))
    assert "data/tiny/07_model_output/synthetic\n" not in of_real
    assert "data/tiny/07_model_output/synthetic\n" in of_mixed


def test_no_output_holds_a_file_that_git_tracks(project: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "data"], cwd=project, capture_output=True, text=True, check=False)
    tracked = [Path(line) for line in listed.stdout.splitlines()]
    entries = [
        entry for stage in definitions(project).values() for entry in (*stage["outs"], *stage.get("metrics", ()))
    ]
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    folders = {Path(path.replace("${root}", "data")) for path in paths}
    assert [file for file in tracked if folders & {file, *file.parents}] == []


def test_no_stage_always_runs(project: Path) -> None:
    assert not any(stage.get("always_changed") for stage in definitions(project).values())


def test_a_key_that_has_come_since_stops_dvc_before_anything_runs(clone: Path, run: Run) -> None:
    run("kedro", "study", "use", "tiny")
    run("dvc", "repro", "study@tiny")
    path = clone / "conf/tiny/parameters_evaluation.yml"
    path.write_text(path.read_text() + "  attacks: [fgsm]\n")
    with pytest.raises(AssertionError, match="run kedro study use tiny, then dvc repro again"):
        run("dvc", "repro", "data_prep@tiny")
    run("kedro", "study", "use", "tiny")
    run("dvc", "repro", "study@tiny")


@pytest.mark.slow
def test_only_what_a_change_touches_runs_again_in_whatever_environment(clone: Path, run: Run) -> None:
    def ran(*command: str) -> set[str]:
        return {line.split("'")[1] for line in run(*command).splitlines() if line.startswith("Running stage")}

    def commit(message: str) -> None:
        run("git", "add", "--all")
        run("git", "-c", "user.name=test", "-c", "user.email=test@test", "commit", "--quiet", "--message", message)

    run("kedro", "study", "use", "tiny")
    assert ran("dvc", "repro") == of_study("tiny", CELLS, "diffusion")
    assert ran("dvc", "repro") == set()
    tables = clone / "data/tiny/08_reporting/tables/classification.csv"
    assert len([path for path in tables.iterdir() if path.is_dir()]) == 1
    commit("tiny")

    run("kedro", "study", "new", "other", "--like", "tiny", "--source", "phantom")
    run("kedro", "study", "use", "other")
    assert ran("dvc", "repro", "data_prep@other") == {"study@other", "data_prep@other"}
    run("kedro", "study", "use", "tiny")
    assert ran("dvc", "repro") == set()
    commit("other")

    path = "conf/tiny/parameters_evaluation.yml"
    (clone / path).write_text((clone / path).read_text().replace("attack_images: 18", "attack_images: 9"))
    difference = run("dvc", "params", "diff")
    assert re.search(r"evaluation.attack_images\s+18\s+9", difference)
    run("git", "checkout", "--quiet", path)

    evaluated = {f"evaluation@tiny-{cell}" for cell in CELLS}
    run("git", "config", "user.name", "test")
    run("git", "config", "user.email", "test@test")
    changed = ran("dvc", "exp", "run", "-S", f"{path}:evaluation.attack_images=9")
    assert changed == evaluated | {"study@tiny", "report@tiny"}
    assert len([path for path in tables.iterdir() if path.is_dir()]) == 2
    assert "accuracy" in run("dvc", "exp", "show", "--csv")
    run("dvc", "plots", "show", "--out", "plots")
    assert "train_loss" in (clone / "plots/index.html").read_text()
