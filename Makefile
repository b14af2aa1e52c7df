# Each command does its own set-up: `make demo`, `make test`, `make test-real`. PYTHON may name any Python 3.11 to 3.13.
PYTHON ?= python3
BIN := .venv/bin
# Each worker has one thread (tests/conftest.py); one that has nothing left takes half of what another still has.
WORKERS ?= 2
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist worksteal --durations 10

.PHONY: demo test test-real test-release clean

demo: .venv/installed
	rm -rf demo
	$(BIN)/zoo train mnist_cnn data=digits epochs=30 --folder demo
	$(BIN)/zoo evaluate mnist_cnn --folder demo
	$(BIN)/zoo predict mnist_cnn examples/three.png --folder demo

# Everything that needs no data.
test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(PYTEST) -m "not real and not release"

# What needs the prepared data sets in the folder that ZOO_DATA_DIR names: the trained weights and their exports.
test-real: .venv/installed-dev
	$(PYTEST) -m "real and not release"

# Before a release, too: whole estimates that take many minutes each.
test-release: .venv/installed-dev
	$(PYTEST) -m release

clean:
	rm -rf .venv demo build dist *.egg-info

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/installed-dev: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch .venv/installed $@
