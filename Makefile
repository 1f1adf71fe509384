# Annals. `make help` is the table of contents.
#
# Needs only Python 3.11 or later, make and a C library. PYTHON=python3.12 chooses another Python.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
ANNALS := .venv/bin/annals
WORKERS := 3

unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
export UV_PYTHON_DOWNLOADS := never

.PHONY: help up migrate test coverage test-fast check format bench compose-test clean

##  Run
help: ## list the targets
	@sed -n -e 's/^##  \(.*\)/\n\1/p' -e 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile \
	  | while IFS='|' read -r name text; do printf "%-$${text:+22}s%s\\n" "$$name" "$$text"; done

up: .venv/.run ## start everything: database, broker, api, projector, worker, scheduler
	@exec $(ANNALS) up $(ARGS)

migrate: .venv/.run ## bring the database at DATABASE_URL to this program's schema
	@exec $(ANNALS) migrate

##  Check
test: .venv/.dev ## run every test on embedded servers
	@.venv/bin/python -m pytest -n $(WORKERS) --max-worker-restart=0 --dist loadscope --no-loadscope-reorder $(ARGS)

coverage: override ARGS += --cov --cov-report=term
coverage: test ## the same, which then takes half as long again, and print what it has covered

test-fast: .venv/.dev ## run the tests that need no server
	@.venv/bin/python -m pytest -q tests/unit $(ARGS)

check: .venv/.dev ## lint, format, types and the direction of imports
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

compose-test: .venv/.dev ## bring docker compose up, run the capstone against it, take it down
	@docker/compose-test

##  Work
format: .venv/.dev ## format the code and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: .venv/.dev ## measure, print a table, and write docs/PERFORMANCE.md
	@.venv/bin/python -m benchmarks $(ARGS)

clean: ## remove what the tools have left; data directories stay
	@rm -rf .venv .uv .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Two stages, so that running needs no development tools and neither undoes the other.
.venv/.run: pyproject.toml uv.lock
	@.ci/sync --no-dev --inexact
	@touch $@

.venv/.dev: pyproject.toml uv.lock
	@.ci/sync
	@touch $@ .venv/.run
