# Everything a fresh machine needs is installed here, from requirements.lock: pinned, with hashes.
#
#   make rehearse                 set up if need be, rehearse the default weekend
#   make test PY=python3.12      the same with another Python (3.11 or newer)
SHELL := /bin/bash
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Three on two cores: many tests wait for processes of ours, and use no processor meanwhile.
JOBS ?= 3
MINOR := -c 'import sys; print(sys.version_info[:2])'

.PHONY: help setup rehearse test lint bench bench-check soak conformance golden lock clean FORCE
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# Set up again when the environment is half made, or when a Python is asked for that it has not.
ifeq ($(wildcard $(BIN)/coexist),)
$(STAMP): FORCE
else ifneq ($(origin PY),file)
ifneq ($(shell $(PY) $(MINOR)),$(shell $(BIN)/python $(MINOR) 2>&1))
$(STAMP): FORCE
endif
endif

setup: $(STAMP)  ## the virtual environment, from the lock

# What is there is kept if it works and is of the Python asked for. uv comes first, checked against the
# lock's own hashes; it installs the rest in seconds.
$(STAMP): requirements.lock pyproject.toml
	@$(PY) -c 'import sys; sys.exit("coexist needs Python 3.11 or newer: make PY=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) from requirements.lock"
	@test "$$($(BIN)/python -m pip --version >/dev/null 2>&1 && $(BIN)/python $(MINOR))" = "$$($(PY) $(MINOR))" \
	  || $(PY) -m venv --clear $(VENV)
	@awk '/^uv==/{p=1} p{print} p&&!/\\$$/{exit}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

rehearse: $(STAMP)  ## rehearse the default cutover weekend; the report is in out/rehearsal
	$(BIN)/coexist rehearse --out out/rehearsal

test: $(STAMP) lint  ## lint, then every test that runs in CI
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not soak"

lint: $(STAMP)  ## ruff (rules and format) and mypy, strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## the ratios of the README's benchmark table, measured here; figures in out/bench.json
	$(BIN)/python -m tests.bench

bench-check: $(STAMP)  ## measure again; fails when a ratio fell by a fifth (fixtures/bench/baseline.json)
	$(BIN)/python -m tests.bench.check

soak: $(STAMP)  ## the long runs: a crash at every journal commit of a small rehearsal, among others
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m soak

conformance: $(STAMP)  ## the vendors' own clients against the simulators, over http and https
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/conformance

golden: $(STAMP)  ## write fixtures/golden again; read the difference before committing it
	$(BIN)/python -m tests.simulation.golden

lock: $(STAMP)  ## resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock

clean:  ## everything made by the targets above
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .hypothesis
