# Every target sets up what it needs in .venv, from nothing but Python 3.11+, pip and a package index.
# CI calls these targets and nothing else.

# The first interpreter that really runs, is new enough, and can make a virtual environment: a version manager's
# shim may be on PATH and still fail.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo "$$python"; break; fi; done)

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Processes of pytest. More than four gain nothing: a few long tests then set the time.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); if [ "$$n" -gt 4 ]; then echo 4; else echo "$$n"; fi)
# For example: make test ARGS="tests/engine -k imports"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-lowest lint types format docs docs-check corpus bench faults fuzz clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r target text; \
	do printf '  %-12s %s\n' "$$target" "$$text"; done

# Made again only when the metadata changes: the install is editable, so source files are always current.
$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "No working Python 3.11 or newer (with venv) was found: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,docs]'
	@touch $@

demo: $(STAMP) ## Preview, apply, test and undo hasten on a small service, in a temporary directory.
	PATH="$(CURDIR)/$(BIN):$$PATH" docs/demo/run.sh

test: $(STAMP) ## Run the quick suite.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP) ## Check style, formatting and the layers between modules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(STAMP) ## Check types, strictly.
	$(BIN)/mypy

format: $(STAMP) ## Format the code and mend what ruff can mend.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Silences a notice about the next major version of MkDocs; ours is pinned below it.
docs docs-check: export NO_MKDOCS_2_WARNING := 1

docs: $(STAMP) ## Write the generated pages and build the site into site/.
	$(BIN)/python -m hasten.docsgen
	$(BIN)/python tests/cli_reference.py
	$(BIN)/mkdocs build --quiet --strict --config-file .mkdocs.yml

docs-check: $(STAMP) ## Check that the generated pages are current and that the site builds without a warning.
	$(BIN)/python -m hasten.docsgen --check
	$(BIN)/python tests/cli_reference.py --check
	$(BIN)/mkdocs build --quiet --strict --config-file .mkdocs.yml --site-dir $(VENV)/site

# One kind alone: make corpus ARGS="--kind sqlite"
corpus: $(STAMP) ## Rewrite real packages and compare their own tests before and after.
	$(BIN)/python tests/corpus/run.py $(ARGS)
	$(BIN)/python tests/corpus/transcripts.py

bench: $(STAMP) ## Measure hasten beside LibCST's runner, ast-grep and ast.parse.
	$(BIN)/python tests/bench/run.py $(ARGS)

fuzz: $(STAMP) ## Run the generated tests for long.
	HASTEN_FUZZ_EXAMPLES=$${HASTEN_FUZZ_EXAMPLES:-2000} $(BIN)/python -m pytest tests/fuzz $(ARGS)

faults: $(STAMP) ## Kill a run at every system call that writes (takes strace).
	$(BIN)/python tests/faults/run.py $(ARGS)

test-all: $(STAMP) ## Run the suite on every Python from 3.11 to 3.14 that this machine has.
	$(BIN)/python tests/every_python.py $(ARGS)

test-lowest: $(STAMP) ## Run the suite with the oldest dependencies that the metadata allows.
	$(BIN)/python tests/every_python.py --lowest $(ARGS)

clean: ## Remove everything that these targets made.
	rm -rf .venv .venvs build dist site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src codemods tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
