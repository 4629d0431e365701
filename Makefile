# make demo and make test need nothing but Python 3.11+, git and make; each does the set-up by itself.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

# Two busy threads that spin while they wait for each other crawl on shared cores.
export OMP_WAIT_POLICY ?= passive

.PHONY: setup setup-extras demo test test-slow kill-harness lint bench lock

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("SynthPath needs Python 3.11 to 3.13, this is " + sys.version.split()[0] + "; name another with make PYTHON=python3.11" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-deps --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Loggers and whatever else pyproject.toml lists as an extra.
setup-extras: setup
	$(BIN)/pip install --quiet --no-deps --requirement requirements-extras.lock

demo: setup
	$(BIN)/kedro run --env=demo

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --numprocesses=2 --dist=loadfile

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow

# Kills the tiny study's stages at random moments and compares what they leave: docs/reliability.md.
KILLS ?= 100
SEED ?= 0
kill-harness: setup
	OMP_NUM_THREADS=1 $(BIN)/python tests/kill_harness.py --kills $(KILLS) --seed $(SEED)

# One JSON object a line; each script measures ours and a peer in turn. BENCH_ROUNDS and BENCH_THREADS change the effort.
bench: setup
	@for script in denoiser synthesis classifiers evaluation; do $(BIN)/python benchmarks/$$script.py || exit 1; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Needs uv. Every Python and platform that the project supports is in one file, without an index's address.
lock:
	uv pip compile pyproject.toml --group dev --group bench --universal --python-version 3.11 \
		--no-emit-index-url --no-header --output-file requirements.lock
	uv pip compile pyproject.toml --all-extras --constraint requirements.lock --universal --python-version 3.11 \
		--no-emit-index-url --no-header --output-file requirements-extras.lock
