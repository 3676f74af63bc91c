# Everything a fresh machine needs is installed here, from requirements.lock (pinned, with hashes).
SHELL := /bin/bash
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: help setup rehearse test lint bench bench-check soak conformance golden lock clean
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

setup: $(STAMP)  ## the virtual environment, from the lock

# uv comes first, checked against the lock's own hashes; it installs the rest in seconds.
$(STAMP): requirements.lock pyproject.toml
	$(PY) -c 'import sys; sys.exit("coexist needs Python 3.11 or newer; run make PY=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PY) -m venv $(VENV)
	@awk '/^uv==/{p=1} p{print} p&&!/\\$$/{exit}' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync -q --require-hashes requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

rehearse: $(STAMP)  ## rehearse the default cutover weekend; the report is in out/rehearsal
	$(BIN)/coexist rehearse --out out/rehearsal

test: $(STAMP) lint  ## every test that runs in CI
	$(BIN)/python -m pytest -n $(JOBS) -m "not soak"

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

lock:  ## resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra dev pyproject.toml -o requirements.lock

clean:  ## everything made by the targets above
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache
