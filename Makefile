# make demo           set up, build the demo store, serve the dashboard on localhost
# make demo SERVE=0   stop after the build
# make test           set up, then linter, type checker, unit tests and browser tests
# make test-quick     the tests that need neither a browser nor a build: for every change
# make proofs         networks, damages, intervals, kills, crowds, an empty environment: what takes too long for every change
# make serve          serve the dashboard over the stores in data/stores
# make docs           build the site of docs/ into site/

PYTHON ?= python3
VENV   ?= .venv
SERVE  ?= 1
PORT   ?= 8501
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

export HF_HUB_DISABLE_TELEMETRY := 1
export NO_MKDOCS_2_WARNING := 1

.PHONY: demo serve docs test test-quick proofs lint format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/python -m lexplain_core demo
ifneq ($(SERVE),0)
	$(MAKE) --no-print-directory serve
endif

serve: $(VENV)/.installed
	@echo "The dashboard is at http://localhost:$(PORT) (Ctrl-C stops it)."
	$(BIN)/python -m lexplain_core serve --port $(PORT)

docs: $(VENV)/.installed-docs
	$(BIN)/python -m mkdocs build --strict --quiet
	@echo "The site is in site/index.html."

test: lint .env-browser
	$(PYTEST) -m "not proofs"

test-quick: lint
	$(PYTEST) -m quick

proofs: $(VENV)/.installed-dev
	$(PYTEST) -m proofs

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/biome check pages/ui/assets
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/biome check --write pages/ui/assets

clean:
	rm -rf $(VENV) .env-browser .mypy_cache .pytest_cache .ruff_cache site

# Python 3.11 to 3.13: what the pinned packages come for.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "lexplain needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Debian's python3-venv …"; apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
	  else echo "This Python has no venv; on Debian or Ubuntu: sudo apt-get install python3-venv"; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements.txt (about 2 minutes and 6 GB the first time) …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-docs: requirements-docs.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-docs.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# A browser for the tests: the one on the machine, else Debian's (as root), else Playwright's own.
.env-browser: $(VENV)/.installed-dev
	$(BIN)/python -m tests.browser.install
	@touch $@
