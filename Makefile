# Two commands do all the set-up: `make demo` and `make test`. PYTHON may name any Python 3.11 to 3.13.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test clean

demo: .venv/installed
	rm -rf demo
	$(BIN)/zoo train mnist_cnn data=digits epochs=30 --folder demo
	$(BIN)/zoo evaluate mnist_cnn --folder demo
	$(BIN)/zoo predict mnist_cnn examples/three.png --folder demo

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pytest
	$(BIN)/pytest -m slow
ifdef ZOO_DATA_DIR
	$(BIN)/pytest -m real
else
	@echo "ZOO_DATA_DIR is not set: the tests on real data were not run."
endif

clean:
	rm -rf .venv demo build dist *.egg-info

.venv/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@
