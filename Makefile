# Every target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

$(VENV)/runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	@echo "Installing the locked development tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: $(VENV)/runtime ## Take a day in a 5G core from intents to packages, and show it
	@$(BIN)/conductor-watch run --settings examples/settings.yaml --once

.PHONY: test
test: $(VENV)/dev kubernetes ## Run every test
	@$(BIN)/pytest -n auto --dist worksteal

.PHONY: kubernetes
kubernetes: $(VENV)/dev ## Build the Kubernetes API server that tests run against (minutes, once)
	@test -n "$${KUBECONFIG:-}$${KUBEBUILDER_ASSETS:-}" || $(BIN)/python -m tests.cluster.build >/dev/null

.PHONY: e2e-cluster
e2e-cluster: $(VENV)/dev ## Try the pod on the cluster of KUBECONFIG, with the image CONDUCTOR_IMAGE
	@$(BIN)/pytest tests/e2e/cluster -p no:randomly -s

.PHONY: losses
losses: $(VENV)/dev kubernetes ## Delete the store 20 times amid 300 intents, each of which is to be done once
	@STORE_LOSSES=20 STORE_INTENTS=300 $(BIN)/pytest tests/chaos/test_lost_store.py tests/kubernetes/test_lost_store.py -s

.PHONY: test-oldest
test-oldest: $(VENV)/dev ## Run the tests against the oldest supported Kubernetes (built once)
	@assets=$$($(BIN)/python -m tests.cluster.build tests/cluster/oldest); \
		KUBEBUILDER_ASSETS=$$assets $(BIN)/pytest tests/kubernetes -n auto --dist worksteal

.PHONY: e2e-porch
e2e-porch: $(VENV)/dev ## Run the tests against a real porch; tests/e2e/porch/given.py tells what they need
	@E2E_STRICT=1 $(BIN)/pytest tests/e2e/porch --timeout 900

.PHONY: search
search: $(VENV)/dev ## Try the properties on examples drawn anew (minutes)
	@PROPERTIES=search $(BIN)/pytest tests/unit -m hypothesis -n auto

.PHONY: lint
lint: $(VENV)/dev ## Check style, format, import contracts and the lock files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

.PHONY: types
types: $(VENV)/dev ## Check types, strictly
	@$(BIN)/mypy

.PHONY: eval
eval: $(VENV)/runtime ## Score the reading of the labelled sentences
	@$(BIN)/conductor-watch eval tests/corpus/dev.jsonl --strict

.PHONY: bench
bench: $(VENV)/dev kubernetes ## Measure latency, rate and memory, also beside kopf, and print them
	@$(BIN)/python -m tests.benchmarks

.PHONY: docs
docs: $(VENV)/dev ## Write the generated parts of docs/ anew
	@$(BIN)/python -m docs.generate

.PHONY: crd
crd: $(VENV)/runtime ## Write deploy/base/crd.yaml anew from the models
	@$(BIN)/conductor-watch crd >deploy/base/crd.yaml

.PHONY: lock
lock: $(VENV)/dev ## Lock the newest allowed dependencies, with hashes
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade --extra dev pyproject.toml -o requirements-dev.lock

.PHONY: clean
clean: ## Remove what the other targets made
	@rm -rf $(VENV) out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
