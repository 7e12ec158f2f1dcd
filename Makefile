# podkernel: every target does its own set-up on a fresh clone. Try `make dev`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
BIN := $(VENV)/bin
# The newest Python on the PATH that is new enough.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$name" && break; done)

# Most tests wait for containers. A file's tests stay together: they share servers.
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile

.PHONY: dev test crash lint bench install clean help

help: ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

dev: install ## start a server with an example Pod, say what to type next; ARGUMENTS="--listen :0"
	$(BIN)/podkernel dev docs/examples/javaweb.yaml $(ARGUMENTS)

install: $(VENV)/.installed ## make .venv with .venv/bin/podkernel in it

test: $(VENV)/.developing ## run all tests; as root on Debian installs the system packages they need
	tests/containerd/install_system_packages.sh
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(PYTEST_ARGUMENTS)

crash: $(VENV)/.developing ## kill a writing store ROUNDS times (2000), and check what it has left
	ROUNDS=$(or $(ROUNDS),2000) $(BIN)/python -m pytest tests/store/test_crash.py $(PYTEST_ARGUMENTS)

lint: $(VENV)/.developing ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.developing ## run the benchmarks; BENCHES="name …" for some of them
	$(BIN)/python -m benches $(BENCHES)

clean: ## remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache

# A Debian machine may have no Python, or one without venv: root can help that.
$(VENV)/bin/python:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ] || ! "$$python" -m ensurepip --version >/dev/null 2>&1; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq; \
			apt-get install -y -qq --no-install-recommends python3 python3-venv; \
			python="$${python:-python3}"; \
		else \
			echo "podkernel needs Python 3.11 or newer, with its venv module, on the PATH" >&2; exit 1; \
		fi; \
	fi; \
	"$$python" -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.developing: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[develop]'
	touch $@ $(VENV)/.installed
