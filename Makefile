# Steward's few commands. `make run` and `make test` need nothing but Python 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test laws bench soak lint lock openapi clean

$(VENV)/.ready: requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Steward needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

setup: $(VENV)/.ready  ## makes .venv and installs the lock

run: setup  ## migrates, fills an empty ledger with the demo agency, serves on http://127.0.0.1:8000
	$(BIN)/steward migrate
	$(BIN)/steward demo --if-empty
	$(BIN)/steward serve

test: setup lint  ## the whole suite, on SQLite and on a real PostgreSQL
	$(BIN)/python -m pytest

laws: setup  ## a campaign: thirty times as many random histories as in the suite, on both databases
	$(BIN)/python -m pytest tests/kpi_queries/test_laws.py tests/kpi_queries/test_stateful_laws.py --hypothesis-profile=laws --timeout 0 --dist load

bench: setup  ## P1-P8 beside their peers in one run; bench/results.json, bench/growth.png
	$(BIN)/python -m bench

soak: setup  ## a rebuild of 1,000,000 events amid writers and readers; fails where anything failed, went back or differs
	$(BIN)/python -m bench soak

lint: setup  ## format, lint, types, import law
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

openapi: setup  ## writes the committed contract file anew
	$(BIN)/steward openapi > docs/openapi.json

lock: setup  ## resolves the lock files anew
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --no-header pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --no-header --extra dev --constraint requirements.txt pyproject.toml -o requirements-dev.txt

clean:  ## removes what can be made again
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
