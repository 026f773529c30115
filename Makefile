# Everything installs into .venv. For a CPU-only torch on Linux x86-64, see "Install" in the README (TORCH_INDEX).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
# Processes with one thread each. A file's tests stay together, as they share what is slow to make, and files are taken in
# the order of tests/conftest.py, the long ones first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder --numprocesses
# The fast tests compute all the time. Slow ones wait for a quarter of theirs (for boards, browsers, Ray), with two
# processes on two cores: one more process computes meanwhile. Each may take 4 GiB: where the system tells what programs
# can have, no more than that holds, and one at least. (nproc would say what OMP_NUM_THREADS does.)
CORES := $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2> /dev/null || getconf _NPROCESSORS_ONLN)
MEMINFO := /proc/meminfo
WORKERS ?= $(shell awk -v most=$$(expr $(CORES) + 1) '/^MemAvailable:/ { fit = int($$2 / 4194304); if (fit < most) most = fit } \
	END { print (most < 1) ? 1 : most }' $(wildcard $(MEMINFO)) /dev/null)
KIND ?=
BOARD_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/levit-edge/boards

.PHONY: demo test check check-fast lint docs board clean

demo: $(VENV)/installed
	$(BIN)/levit-edge quantize --model demo --output build/demo
	$(BIN)/levit-edge predict build/demo levit_edge/data/demo/evaluation/dress/*.jpg --top 2

# All tests, or those of one kind: make test KIND=export (or device, ray, release; CONTRIBUTING.md says what they are)
test: $(VENV)/installed
	$(PYTEST) $(WORKERS) $(if $(KIND),-m $(KIND))

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint
	$(PYTEST) $(WORKERS)

check-fast: lint
	$(PYTEST) $(CORES) -m "not slow"

docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# One emulated aarch64 board until Ctrl-C; options are at the top of scripts/board/start.sh: make board BOARD='--cpu cortex-a53'
board:
	scripts/board/setup.sh "$(BOARD_DIR)"
	scripts/board/start.sh "$(BOARD_DIR)" $(BOARD)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[quantize,dev]'
	touch $@

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis
