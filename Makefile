# Debian 12 or Raspberry Pi OS 64-bit, Python 3.11 or newer.

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin

.PHONY: setup demo test

setup: $(VENV)/.ready

$(VENV)/.ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python -m agent.demo $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)
