# make run    install, run the first study, show what came of it, write its report
# make test   install what the tests need, and run them
# make lint   formatter, linter, type checker, layer contract
# make test-native  what needs other compilers, processors or minutes: sanitizers, every float32, Arm and old x86-64 by qemu
# make docs   write the documentation as HTML to build/docs
# make bench  measure, print and store the ratios to the notebook's loop and the kernels' share of the peak

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test test-native lint format docs bench kill-test clean

run: $(VENV)/.installed
	$(BIN)/unroll run adding-quick
	$(BIN)/unroll report adding-quick

test: $(VENV)/.developing
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(TESTS)

test-native: $(VENV)/.developing
	tests/native/run.sh $(BIN)/python

lint: $(VENV)/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developing
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.documenting
	$(BIN)/python docs/commands.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "Wrote build/docs/index.html. Open it in a browser."

bench: $(VENV)/.developing
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.report

kill-test: $(VENV)/.developing
	KILLS=50 $(BIN)/python -m pytest tests/running/test_kill.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/browser/node_modules

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
		|| { echo "unroll needs Python 3.11 to 3.14; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.13 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml $(wildcard src/unroll/kernels/native/*) | $(BIN)/python
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/.developing: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet "pip>=25.1"
	$(PIP) install --quiet --group dev
	@touch $@

$(VENV)/.documenting: pyproject.toml $(VENV)/.installed
	$(PIP) install --quiet "pip>=25.1"
	$(PIP) install --quiet --group docs
	@touch $@
