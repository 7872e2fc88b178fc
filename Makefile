# Everything a fresh machine needs: Python 3.11 or newer, make and git. The rest is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHROMIUM := $(VENV)/.chromium
POSTGRES := $(VENV)/.postgres
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup demo lab stop test lint lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Gristmill needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q src  # where no bytecode may be written, each command would compile
	@touch $@

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
	$(BIN)/python notebooks/demo.py

lab: setup
	@test -d demo/flights || { echo "Run 'make demo' first."; exit 1; }
	cd demo/flights && $(CURDIR)/$(BIN)/jupyter lab

stop: setup
	$(BIN)/python notebooks/demo.py --stop

test: setup $(CHROMIUM) $(POSTGRES)
	$(BIN)/pytest -n 2 --dist loadfile

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	uv pip compile pyproject.toml --extra all --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) demo
