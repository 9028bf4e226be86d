# Two commands: `make demo` and `make test`. Both set up what they need first, from requirements.lock.
# The distribution's Python if it fits, else the one in PATH: tests take a fifth longer with pyenv's, a shared library.
FITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell /usr/bin/python3 -c '$(FITS)' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
UV := VIRTUAL_ENV=$(VENV) $(BIN)/uv
unexport PYTHONDONTWRITEBYTECODE  # without bytecode each process compiles torch again: six seconds
export GOGC := 800  # etcd and API servers of the tests spend less time on garbage, and use more memory
COMPILE := $(UV) pip compile --quiet pyproject.toml --generate-hashes --python-version 3.11 --universal --no-emit-index-url --custom-compile-command "make lock"

.PHONY: help setup demo test lint format unit generated cluster-tools controlplane slow faults benchmarks e2e cluster cluster-down lock clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo     four participants train one model on real text; ends with a table, a picture and the adapter
demo: setup
	$(BIN)/fedtrain baseline examples/quickstart/federation.yaml --alone-only

## make test     before each commit: lint, types, layers, tests, the operator on a real control plane (minutes);
##               ALL=1 adds `make slow` and `make faults`, as CI does
test: setup
	@$(MAKE) --no-print-directory --jobs=3 lint unit controlplane  # they wait in turns

## make setup    install everything, locked, into .venv
setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml hatch_build.py $(wildcard aggregator/fedtrain_aggregator/kernels/*.[ch])
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fedtrain needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version). Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --require-hashes -r requirements.lock
	$(UV) pip install --quiet --no-deps -e .
	@touch $@

## make lint     ruff, pyright, import-linter
lint: setup
	$(NICE) $(BIN)/ruff check
	$(NICE) $(BIN)/ruff format --check
	$(NICE) $(BIN)/lint-imports
	$(NICE) $(BIN)/pyright

## make format   put the code into shape
format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

QUICK = $(if $(ALL),,-m "not slow")

## make unit     the tests that need no control plane
unit: setup
	$(NICE) $(BIN)/pytest -n 2 --dist worksteal $(QUICK) tests/local tests/unit --ignore tests/local/faults

## make cluster-tools  build what Kubernetes clusters are made of into ~/.cache, once (Go modules; minutes)
cluster-tools: setup
	$(BIN)/python -m hack.cluster.tools

# One core for each program of a control plane: its collection of garbage takes every idle one.
PLANES = GOMAXPROCS=1 $(NICE) $(BIN)/pytest --dist loadfile --no-loadscope-reorder
FAULT_TESTS := tests/local/faults

## make controlplane  the tests against a real control plane, training operator and S3 server
controlplane: cluster-tools
	$(PLANES) $(if $(ALL),-n 3 tests/controlplane $(FAULT_TESTS),-n 2 $(QUICK) tests/controlplane --ignore tests/controlplane/faults)

## make slow     the longest tests: whole trainings, upgrades of charts, the commands of the pages
slow: cluster-tools
	$(PLANES) -n 2 -m slow tests/controlplane tests/local tests/unit --ignore tests/controlplane/faults --ignore $(FAULT_TESTS)

## make faults   runs and the operator killed at any time, everything around them broken (minutes)
faults: cluster-tools
	$(PLANES) -n 2 tests/controlplane/faults $(FAULT_TESTS)

## make benchmarks  every benchmark in small, and accuracy with privacy beside its reference (minutes)
benchmarks: cluster-tools
	$(PLANES) -n 2 tests/benchmarks

## make generated  write crds/, schemas/ and docs/reference.md again, after a change of the models
generated: setup
	$(BIN)/python -m fedtrain.api.crd
	$(BIN)/python -m fedtrain.api.reference
	$(BIN)/python -m fedtrain.cli.output_schemas
	$(BIN)/python -m hack.kubernetes_fields

## make e2e      the tests against whole clusters with real pods (root): kind's, or (Debian) their own
e2e: cluster-tools
	$(BIN)/pytest tests/e2e $(if $(ENGINE),--engine $(ENGINE))

## make cluster  a cluster that stays, with training operator, S3 store and images: kind's, or (Debian, root) its own;
##               CLUSTERS=3 ENGINE=none adds two clusters for participants
cluster: setup
	$(BIN)/python -m hack.cluster up $(if $(ENGINE),--engine $(ENGINE)) $(if $(CLUSTERS),--clusters $(CLUSTERS))

## make cluster-down  remove it
cluster-down: setup
	$(BIN)/python -m hack.cluster down

## make lock     resolve the dependencies again, for everything and for the images
lock: setup
	$(COMPILE) --extra dev -o requirements.lock
	$(COMPILE) --extra operator --no-annotate --constraint requirements.lock -o requirements-operator.lock
	$(COMPILE) --extra trainer --no-annotate --constraint requirements.lock -o requirements-trainer.lock

clean:
	rm -rf $(VENV)
