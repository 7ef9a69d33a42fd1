# Steward's few commands. `make run` and `make test` need nothing but Python 3.11, on Linux and macOS.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --require-hashes --no-compile

.DEFAULT_GOAL := help
.PHONY: help run dev setup test test-cluster laws oracle bench soak upgrade lint fmt lint-openapi clients-check contract lock openapi examples pages golden docs clean

help:  ## shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the environment ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Steward needs Python 3.11 or newer: make PYTHON=python3.11")'
	@echo "Making an environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# What serving needs. The command is a script and no package: building one would need more than serving does.
$(VENV)/.ready-to-serve: requirements.txt | $(BIN)/python
	@echo "Installing what serving needs, $$(grep -c '==' requirements.txt) packages"
	$(PIP) -r requirements.txt
	@printf '%s\n' '#!/bin/sh' 'export PYTHONPATH="$(CURDIR)$${PYTHONPATH:+:$$PYTHONPATH}"' \
	  'exec "$(CURDIR)/$(BIN)/python" -P -m app "$$@"' > $(BIN)/steward
	@chmod +x $(BIN)/steward
	@touch $@

# What developing needs: the same releases, and the tools.
$(VENV)/.ready: requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what developing needs, $$(grep -c '==' requirements-dev.txt) packages"
	$(PIP) -r requirements-dev.txt
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.ready-to-serve

setup: $(VENV)/.ready  ## makes .venv and installs the lock for developers

# --- serving ---

run: $(VENV)/.ready-to-serve  ## migrates, fills an empty database with the demo agency, serves on http://127.0.0.1:8000
	$(BIN)/steward migrate
	$(BIN)/steward demo --if-empty
	$(BIN)/steward serve

dev: setup  ## the same, and begins again whenever a file of Steward changes
	$(BIN)/steward migrate
	$(BIN)/steward demo --if-empty
	$(BIN)/uvicorn --factory app.main:create_app_from_env --reload --reload-dir app --reload-dir projections --port $${STEWARD_PORT:-8000}

# --- checking ---

test: setup lint  ## the whole suite, on SQLite and on a real PostgreSQL
	env -u CITUS_BIN $(BIN)/python -m pytest

ifdef CITUS_BIN
test-cluster: setup  ## the suites on a distributed database, and drills; CITUS_BIN names a PostgreSQL with citus, DRILL_SECONDS=60 makes drills longer
	CITUS_BIN="$(CITUS_BIN)" $(BIN)/python -m pytest tests/store tests/read_side tests/write_side tests/api tests/kpi_queries tests/journeys tests/webhooks --timeout 1200
	CITUS_BIN="$(CITUS_BIN)" $(BIN)/python -m pytest tests/cluster -n 0 -s
else
test-cluster:  ## the suites on a distributed database, and drills; needs CITUS_BIN, a PostgreSQL with citus
	@echo "test-cluster: skipped, CITUS_BIN names no PostgreSQL with citus"
endif

laws: setup  ## a campaign: ninety times as many random histories as in the suite, on both databases
	$(BIN)/python -m pytest tests/kpi_queries/test_laws.py tests/kpi_queries/test_stateful_laws.py --hypothesis-profile=laws --timeout 0 --dist load

oracle: setup  ## a campaign: two thousand random histories beside the naive model of renewals; SEED=7 makes it the same again
	$(BIN)/python -m pytest tests/oracle/test_renewals.py --hypothesis-profile=oracle $(if $(SEED),--hypothesis-seed=$(SEED)) --timeout 0 -n 0

bench: setup  ## P1-P8 beside their peers in one run; bench/results.json, bench/growth.png
	$(BIN)/python -m bench

soak: setup  ## a rebuild of 1,000,000 events amid writers and readers; two servers whose processes are killed for SOAK_SECONDS=300
	$(BIN)/python -m bench soak

upgrade: setup  ## a rolling upgrade from OLD=<commit or tag> to this tree under load and readers; fails where anything failed or was short
	OLD=$(OLD) $(BIN)/python -m bench upgrade

lint: setup  ## checks format, lint, types and the import law
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup  ## formats, and repairs what the linter can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# --- the contract ---

# Node's tools and the generators have environments of their own: neither serving nor testing needs them.
clients/node_modules/.ready: clients/package-lock.json
	cd clients && npm ci --no-audit --no-fund && touch node_modules/.ready

$(VENV)-clients/.ready: clients/requirements.txt
	@test -x $(VENV)-clients/bin/python || $(PYTHON) -m venv $(VENV)-clients
	$(VENV)-clients/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

ifeq ($(shell command -v npm),)
NODE_TOOLS :=
lint-openapi:  ## lints the contract with redocly and spectral; needs Node
	@echo "lint-openapi: skipped, there is no npm here"
else
NODE_TOOLS := clients/node_modules/.ready
lint-openapi: $(NODE_TOOLS)  ## lints the contract with redocly and spectral; needs Node
	npm --prefix clients run --silent lint
endif

contract: setup  ## sends many requests that schemathesis makes of the contract to a real server
	STEWARD_CONTRACT_EXAMPLES=50 $(BIN)/python -m pytest tests/contract/test_schemathesis.py --timeout 0 --dist load

clients-check: setup $(VENV)-clients/.ready $(NODE_TOOLS)  ## makes clients of the contract with three generators, and lets each call a server
	$(BIN)/python -m tests.contract.clients $(VENV)-clients/bin

# --- what is written by machine ---

openapi: setup  ## writes the committed contract file anew
	$(BIN)/steward openapi > docs/openapi.json

examples: setup  ## records an answer of each operation anew, for the contract; then `make openapi`
	$(BIN)/python -m tests.contract.examples

pages: setup  ## writes the generated pages anew: errors, events, the table of CONTRIBUTING
	$(BIN)/steward events --markdown > docs/events.md
	$(BIN)/python -m tests.docs

golden: setup  ## writes the golden files of new events, and of new calculations of KPIs
	$(BIN)/python -m tests.golden

# The site has an environment of its own: neither serving nor testing needs what it is built with.
docs:  ## builds the documentation into site/, and fails on a broken link
	@test -x $(VENV)-docs/bin/mkdocs || { $(PYTHON) -m venv $(VENV)-docs && \
	  $(VENV)-docs/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-docs.txt; }
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --strict

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 --no-header

lock: setup  ## resolves the lock files anew, for every platform at once
	$(LOCK) pyproject.toml -o requirements.txt
	$(LOCK) --extra dev --constraint requirements.txt pyproject.toml -o requirements-dev.txt
	$(LOCK) docs/requirements.in -o requirements-docs.txt
	$(LOCK) clients/requirements.in -o clients/requirements.txt

clean:  ## removes what can be made again
	rm -rf $(VENV) $(VENV)-docs $(VENV)-clients clients/node_modules clients/build site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
