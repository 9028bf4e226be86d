# Two commands: `make demo` and `make test`. Both set up what they need first, from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8

.PHONY: setup demo test lint lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make setup  install everything, locked, into .venv
setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fedtrain needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	$(BIN)/python -m ensurepip --upgrade >/dev/null 2>&1 || true
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

## make lock   resolve the dependencies anew
lock:
	uv pip compile pyproject.toml --extra dev --generate-hashes --python-version 3.11 --universal --no-emit-index-url -o requirements.lock

clean:
	rm -rf $(VENV) .fedtrain runs
