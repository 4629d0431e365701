"""Kills the stages of the tiny study at random moments, runs them again, and compares what they leave.

    python tests/kill_harness.py --kills 100 --seed 0

Each stage starts from what the stages before it left in an uninterrupted study. It is killed once to three times by
SIGKILL or SIGTERM, a random share of its uninterrupted time after it began, and then runs to its end. Its results must
be those of the uninterrupted run: every array, table, figure and page, but for version names, seconds and dates. Every
run is a process of its own; it is forked from one that has imported everything, so that kills hit the work. Budgets are
in steps, and checkpoints are written after every epoch.

Prints a line per kill and a summary; exits with 1 where anything was lost.
"""

import argparse
import importlib
import json
import os
import pkgutil
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[1]
ROOT = Path("data/tiny")
CODES = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM}
FEATURES = "resnet18/cached_real_train,resnet18/cached_real_val,resnet18/cached_real_test,resnet18/cached_diffusion"
STAGES = {
    "data_prep": ["--pipelines=data_prep"],
    "diffusion": ["--pipelines=diffusion", "--params=training.checkpoint_minutes=0"],
    "synthesis": ["--pipelines=synthesis"],
    "cached features": ["--pipelines=classification", f"--to-outputs={FEATURES}"],
    "classification": ["--pipelines=classification", "--params=model=cnn,training.checkpoint_minutes=0"],
    "evaluation": ["--pipelines=evaluation", "--params=model=cnn"],
    "report": ["--pipelines=evaluation", "--tags=report"],
}
MEASURED = {"seconds", "images_per_second", "train_seconds", "run_times"}
DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d[.:]\d\d(?:[.:]\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        code: exit code; of a signal that ended it, the negative number.
        output: what it printed.
        seconds: how long it took.
    """

    code: int
    output: str
    seconds: float


@dataclass
class Tally:
    """Kills by stage and signal, and what went wrong."""

    kills: Counter = field(default_factory=Counter)
    resumed: Counter = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


def run_stage(stage: str, workplace: Path, number: int | None = None, after: float = 0.0) -> End:
    """Runs ``stage`` in a process of its own, which gets the signal ``number`` after so many seconds."""
    output, start = workplace / "output.txt", time.monotonic()
    child = os.fork()
    if child == 0:
        _become(stage, workplace, output)
    if number is not None:
        while time.monotonic() - start < after:
            if (ended := os.waitpid(child, os.WNOHANG))[0]:
                return End(os.waitstatus_to_exitcode(ended[1]), output.read_text(), time.monotonic() - start)
            time.sleep(0.002)
        os.kill(child, number)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return End(code, output.read_text(), time.monotonic() - start)


def _become(stage: str, workplace: Path, output: Path) -> None:
    """The child's part: never returns."""
    code = 70
    try:
        stream = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.chdir(workplace)
        from synthpath_kedro.__main__ import main

        main("--env=tiny", *STAGES[stage])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def import_everything() -> None:
    """What a run imports as it goes on, so that its children need not."""
    import synthpath_kedro

    for module in pkgutil.walk_packages(synthpath_kedro.__path__, "synthpath_kedro."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("kedro.runner", "lightning.pytorch", "openTSNE", "torchattacks", "matplotlib.pyplot", "sklearn.svm"):
        importlib.import_module(name)


def contents(root: Path) -> dict[str, object]:
    """What the newest version of every result below ``root`` holds, without what was measured or dated."""
    found = {name: content(path) for name, path in _results(root)}
    return {name: one for name, one in found.items() if one is not None}


def _results(root: Path) -> Iterator[tuple[str, Path]]:
    newest: dict[str, Path] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        relative = path.relative_to(root)
        if relative.parts[0] not in ("scratch", "logs"):
            newest["/".join(part for part in relative.parts if not DATED.fullmatch(part))] = path
    yield from newest.items()


def content(path: Path) -> object:
    """The content of a file in a form that can be compared; None for a file of measurements."""
    if path.stem in MEASURED or path.stem in ("cost", "cost_table"):
        return None
    if path.suffix == ".safetensors":
        return _artifact(path)
    if path.suffix == ".csv":
        import pandas as pd

        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return table.drop(columns=list(MEASURED & set(table.columns))).to_csv()
    if path.suffix == ".json":
        return json.dumps(_without_measured(json.loads(path.read_text())), sort_keys=True)
    if path.suffix == ".html":
        return _undated(path.read_text())
    return path.read_bytes()


def _artifact(path: Path) -> object:
    from synthpath_kedro.data.artifact import read_artifact

    artifact = read_artifact(path)
    return artifact.digest, json.dumps(_without_measured(artifact.card), sort_keys=True)


def _without_measured(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_measured(one) for key, one in value.items() if key not in MEASURED}
    return [_without_measured(one) for one in value] if isinstance(value, list) else value


def _undated(page: str) -> str:
    """A page without dates and without its section about cost."""
    page = re.sub(r'<section[^>]*id="cost".*?</section>', "", page, flags=re.S)
    return DATED.sub("DATE", page)


def saved_work(root: Path) -> list[str]:
    """What a killed run left to resume from."""
    scratch = root / "scratch"
    files = (path for path in scratch.rglob("*") if path.is_file())
    names = (str(path.relative_to(scratch)) for path in files)
    return [name for name in names if not name.startswith("locks/") and not name.endswith((".part", "key.json"))]


class Harness:
    """The uninterrupted study, and trials against it.

    Args:
        folder: a fresh folder to work in.
        seed: of stages, signals and moments.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._workplace, self._before, self._random = folder / "project", folder / "before", random.Random(seed)
        self._workplace.mkdir()
        for name in ("conf", "src"):
            ignored = shutil.ignore_patterns("local", "__pycache__")
            shutil.copytree(PROJECT / name, self._workplace / name, ignore=ignored)
        (self._workplace / "conf/local").mkdir()
        shutil.copy(PROJECT / "pyproject.toml", self._workplace)
        self._seconds: dict[str, float] = {}
        self._expected: dict[str, dict[str, object]] = {}
        self.tally = Tally()

    @property
    def root(self) -> Path:
        return self._workplace / ROOT

    def run_undisturbed(self, stages: list[str]) -> None:
        """Every stage up to the last of ``stages`` once, and what there was before each."""
        order = list(STAGES)
        for stage in order[: max(order.index(stage) for stage in stages) + 1]:
            self.root.mkdir(parents=True, exist_ok=True)
            shutil.copytree(self.root, self._before / stage)
            end = run_stage(stage, self._workplace)
            if end.code:
                raise SystemExit(f"{stage} ends with {end.code} undisturbed:\n{end.output}")
            self._seconds[stage], self._expected[stage] = end.seconds, contents(self.root)
            print(f"{stage}: {end.seconds:.1f} s undisturbed, {len(self._expected[stage])} results so far", flush=True)

    def try_stage(self, stage: str, kills: int) -> None:
        """Kills ``stage`` so many times, lets it end, and compares."""
        shutil.rmtree(self.root)
        shutil.copytree(self._before / stage, self.root)
        for _ in range(kills):
            self._kill(stage)
        resumable = saved_work(self.root)
        end = run_stage(stage, self._workplace)
        self._check(stage, end, resumable)

    def _kill(self, stage: str) -> None:
        number = self._random.choice(list(CODES))
        share = self._random.uniform(0.3, 1.0)  # before that a run reads its configuration
        while True:
            end = run_stage(stage, self._workplace, number, share * self._seconds[stage])
            if end.code != 0:
                break
            share *= 0.7  # it had ended before
        self.tally.kills[stage, number.name] += 1
        where = (["before the first node", *re.findall(r"(Completed node: [\w.]+)", end.output)])[-1]
        print(f"{stage}: {number.name} at {share:.2f} of its time, {where}", flush=True)
        if end.code != CODES[number] and not (number == signal.SIGTERM and end.code == -signal.SIGTERM):
            self._lose(stage, f"{number.name} ended with exit code {end.code}", end)
        if end.code == 128 + signal.SIGTERM and "Error: stopped by SIGTERM: " not in end.output:
            self._lose(stage, "SIGTERM without a word", end)

    def _check(self, stage: str, end: End, resumable: list[str]) -> None:
        if end.code:
            self._lose(stage, f"the run after it ended with exit code {end.code}", end)
            return
        if resumable:
            self.tally.resumed[stage] += 1
            if "Resuming from" not in end.output:
                self._lose(stage, f"not resumed from {', '.join(resumable)}", end)
        expected, found = self._expected[stage], contents(self.root)
        different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        if different:
            self._lose(stage, f"other results: {', '.join(different)}", end)
        left = [*saved_work(self.root), *(path.name for path in self.root.rglob("*.part"))]
        if left:
            self._lose(stage, f"left behind: {', '.join(left)}", end)

    def _lose(self, stage: str, what: str, end: End) -> None:
        self.tally.lost.append(f"{stage}: {what}")
        print(f"LOST {stage}: {what}\n{end.output[-3000:]}", flush=True)

    def kill(self, total: int, stages: list[str]) -> None:
        """Kills until there were ``total``, the stages in turn."""
        done = 0
        while done < total:
            for stage in stages[: total - done]:
                kills = min(self._random.choice((1, 1, 1, 2, 3)), total - done)
                if kills:
                    self.try_stage(stage, kills)
                    done += kills


def main() -> int:
    """Runs the harness; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description="Kills the tiny study at random moments and compares its results.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    chosen = parser.parse_args()
    import_everything()
    with tempfile.TemporaryDirectory() as folder:
        harness = Harness(Path(folder), chosen.seed)
        harness.run_undisturbed(chosen.stages)
        harness.kill(chosen.kills, chosen.stages)
    tally = harness.tally
    for (stage, number), count in sorted(tally.kills.items()):
        print(f"{count:4d} {number:8} {stage}")
    resumed = ", ".join(f"{stage} {count}" for stage, count in tally.resumed.items()) or "none"
    print(f"{tally.kills.total()} kills, {len(tally.lost)} lost; runs that had work to resume from: {resumed}")
    print(*(f"  {lost}" for lost in tally.lost), sep="\n")
    return int(bool(tally.lost))


if __name__ == "__main__":
    sys.exit(main())
