# make run    install, run the first study, show what came of it, write its report
# make install  only that, into .venv; made anew where it is broken, and where what it was made from has changed
# make test   install what the tests need, and run them
# make test-slow  whole trainings and the notebooks, minutes each
# make lint   formatter, linter, type checker, layer contract; whether texts quote what is stored
# make published  run what the texts quote (resumable; two hours on two cores), write its figures into them; ONLY=name
# make check-notebooks  whether what the notebooks show is what they show now, on the processor that executed them; minutes
# make notebooks  execute the notebooks (minutes; resumable), store what their cells show; ONLY=name
# make test-cluster  trials under a real Slurm of one node, which the tests start (as root, with Debian's packages slurm-wlm and
#             munge; else skipped); under three minutes
# make test-install  installing: broken environments, no compiler, a source distribution; under three minutes
# make test-start  distributions built twice, and kills of first starts; two minutes
# make test-native  what needs other compilers, processors or minutes: sanitizers, every float32, Arm and old x86-64 by qemu,
#             streams on Arm, small trials of every task under each set of instructions
# make check-statistics  minutes of studies of models that do not differ, drawn and trained: how many say that they do
# make dist   build what is committed with tools that are locked by their hashes, into dist/: the same bytes each time
# make docs   write the documentation as HTML to build/docs
# make fuzz   change bytes of stores, checkpoints and weights at random, and look what every command makes of it; then the
#             whole fault-test: hours. FUZZ="--flips 60": this much, without it
# make kill-test  kill runs at random moments, 50 in processes and 20 on Dask, and 20 each of Dask's workers and schedulers, and see
#             that the bits are those of one that nothing disturbed. KILLS=20: 20 of each; LOSSES=5: 5 workers, 5 schedulers
# make fault-test  let every system call of the store fail, one after the other; SECONDS=180 for a part, drawn at random
# make soak   a run of a thousand trials: memory, files, threads and log at its end as near its beginning; minutes
# make bench  measure, print and store the ratios to the notebook's loop and the kernels' share of the peak

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run install check-statistics test test-slow test-cluster test-install test-start test-native lint format docs dist bench published notebooks check-notebooks kill-test soak fault-test fuzz clean

# What an installation depends on beside the files below; its stamp holds the answer. It is asked before make judges what
# is up to date, for no file's time tells that a Python is gone, a module has become a package, or a compiler has come.
# No answer: there is no .venv, or it is half made, or was moved, or its Python or pip is gone.
STATE = [ "$$(cat $(VENV)/.place 2>/dev/null || pwd -P)" = "$$(pwd -P)" ] && $(BIN)/python -m pip --version >/dev/null 2>&1 \
	&& { ls $(BIN)/unroll 2>/dev/null; find src -name '*.py'; $(KERNELS) || ! $(COMPILER) || echo compiler; } \
	| LC_ALL=C sort | cksum
KERNELS = ls $(VENV)/lib/python*/site-packages/unroll/kernels/_native.*.so >/dev/null 2>&1
COMPILER = echo '\#include <vector>' | $${CXX:-c++} -std=c++17 -fsyntax-only -x c++ - >/dev/null 2>&1
NOW := $(shell $(STATE))
ifeq ($(NOW),)
.PHONY: $(BIN)/python $(VENV)/.installed
else ifneq ($(NOW),$(shell cat $(VENV)/.installed 2>/dev/null))
.PHONY: $(VENV)/.installed
endif

run: $(VENV)/.installed
	$(BIN)/unroll run adding-quick
	$(BIN)/unroll report adding-quick

install: $(VENV)/.installed

test: $(VENV)/.developing
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(TESTS)

test-slow: $(VENV)/.developing
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal -m slow --ignore-glob "tests/running/test_kill*.py"

test-cluster: $(VENV)/.developing
	$(BIN)/python -m pytest -n 2 --dist worksteal -m cluster tests/executors/test_slurm.py tests/running/test_slurm.py

test-install: $(VENV)/.developing
	$(BIN)/python -m pytest -m install tests/install/test_environment.py tests/install/test_sdist.py

test-start: $(VENV)/.developing
	$(BIN)/python -m pytest -m install tests/install/test_dist.py tests/install/test_first_start.py

test-native: $(VENV)/.developing
	tests/native/run.sh $(BIN)/python

lint: $(VENV)/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m published --check

format: $(VENV)/.developing
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.documenting
	$(BIN)/python docs/commands.py
	$(BIN)/python docs/gallery.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "Wrote build/docs/index.html. Open it in a browser."

# Of the commit alone: its files, at its time, in folders of their own. Without a compiler an installation succeeds and has
# no kernels; what is built here without them is refused.
MADE := build/dist
dist:
	rm -rf $(MADE) dist && mkdir -p $(MADE)/committed $(MADE)/unpacked
	git archive --output $(MADE)/committed.tar HEAD
	tar -xf $(MADE)/committed.tar -C $(MADE)/committed
	$(PYTHON) -m venv $(MADE)/tools
	$(MADE)/tools/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
		-r $(MADE)/committed/build-tools.txt
	@$(call BUILD,committed,sdist)
	tar -xzf dist/*.tar.gz -C $(MADE)/unpacked --strip-components 1
	@$(call BUILD,unpacked,wheel)
	@ls dist/*-cp*.whl >/dev/null 2>&1 || { echo "The wheel has no kernels: see whether a C++ compiler and CMake are here."; rm -rf dist; exit 1; }
	@ls dist/*
BUILD = epoch=$$(git log -1 --format=%ct) && cd $(MADE)/$(1) && SOURCE_DATE_EPOCH=$$epoch PATH="$(CURDIR)/$(MADE)/tools/bin:$$PATH" \
	../tools/bin/python -c 'import sys, scikit_build_core.build as build; build.build_$(2)(sys.argv[1])' "$(CURDIR)/dist"

bench: $(VENV)/.developing
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.drawing
	$(BIN)/python -m benchmarks.load

published: $(VENV)/.developing
	$(BIN)/python -m published $(if $(ONLY),--only $(ONLY))

notebooks: $(VENV)/.developing
	$(BIN)/python -m published.notebooks $(ONLY)

check-notebooks: $(VENV)/.developing
	NOTEBOOKS=1 $(BIN)/python -m pytest -m slow tests/test_notebooks.py

kill-test: $(VENV)/.developing
	KILLS=$(or $(KILLS),50) LOSSES=$(or $(LOSSES),$(KILLS),20) $(BIN)/python -m pytest -m slow tests/running/test_kill.py tests/running/test_kill_dask.py

soak: $(VENV)/.developing
	TRIALS=$(or $(TRIALS),1000) $(BIN)/python -m pytest tests/running/test_soak.py

fault-test: $(VENV)/.developing
	$(BIN)/python -m tests.faults.sweep $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

CORES := $(shell nproc 2>/dev/null || echo 1)
LARGE := --flips 10000 --every --checkpoints 10000 --weights 5000 --merges 1000 --jobs $(CORES)

fuzz: $(VENV)/.developing
	$(BIN)/python -m tests.fuzz.fuzz $(or $(FUZZ),$(LARGE)) $(if $(SEED),--seed $(SEED))
	$(if $(FUZZ),,$(BIN)/python -m tests.faults.sweep --jobs $(CORES) $(if $(SEED),--seed $(SEED)))

check-statistics: $(VENV)/.developing
	STUDIES=$(or $(STUDIES),2000) TRAINED=24 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal tests/analysis/test_identical.py tests/analysis/test_effects.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/browser/node_modules

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
		|| { echo "unroll needs Python 3.11 to 3.14; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@pwd -P > $(VENV)/.place

$(VENV)/.installed: pyproject.toml CMakeLists.txt $(wildcard src/unroll/kernels/native/* src/unroll/kernels/native/*/*) | $(BIN)/python
	@$(KERNELS) || rm -rf build  # what a build without success has noted, such as a compiler that is gone
	$(PIP) install --quiet --editable .
	@{ $(STATE); } > $@

$(VENV)/.developing: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet "pip>=25.1"
	$(PIP) install --quiet --group dev
	@touch $@

$(VENV)/.documenting: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet "pip>=25.1"
	$(PIP) install --quiet --group docs
	@touch $@
