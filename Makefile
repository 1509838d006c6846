# make setup   a virtual environment in .venv with everything, from the lock
# make serve   run the router with an example configuration and example rules
# make lint    every check that reads the code
# make test    every test, real Asterisks and a real browser included where root on Debian runs it
# make bench   measure against a FastAGI server in C, panoramisk, scripts in a real Asterisk; writes docs/performance.md
#              bench-full: longer, with what grows; bench-check: compare with benchmarks/expected.toml
# make drill   every fault that no call may notice, one by one; prints and writes docs/faults.md
# make soak    ten minutes of calls while the CRM flaps
# make proof   every proof at full size, one with Tryton as the CRM; writes docs/proof.md, docs/img
# make lock    compile requirements.lock again
# make clean   throw away what the others made; the Asterisks stay in the cache folder, your data in var/
#
# TEST_PACE=1 make test: try all also on a machine that stands still for 100 ms and more, where else of the long tests
# the core is tried, each target begins no test after TEST_MOST_S seconds, and what fails is tried again, alone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help setup serve lint test test-unit test-newer test-whole test-asterisk test-console asterisk-roots chromium promtool bench bench-full bench-check drill soak proof lock clean

# Tests start hundreds of processes: each would compile the whole package again if compiled modules were not kept.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
NEWER := 3.13
PYTEST := -m pytest -q -p no:cacheprovider
CONFIG := fallbackrouter.toml
FIGURES := .make/figures.jsonl
BENCHMARK := .make/benchmark.txt
FAULTS := .make/faults.jsonl
FULL := PROOF_FULL=1 PROOF_FIGURES=$(CURDIR)/$(FIGURES)
PURE_TESTS := $(wildcard tests/unit tests/edges)
# What a newer Python may do otherwise: the pure rooms, and the edges that speak with sockets, TLS and SQLite.
# All of it: make test-newer NEWER_TESTS="tests/unit tests/edges"
NEWER_TESTS := tests/unit tests/edges/fastagi tests/edges/httproute tests/edges/crm tests/edges/store

help:
	@sed -n 's/^# make /make /p' Makefile

# --- environments -------------------------------------------------------------------------------------------------

setup: .venv/.made

.venv/.made: requirements.lock pyproject.toml
	.ci/make-venv .venv 3.11+
	@touch $@

.venv-$(NEWER)/.made: requirements.lock pyproject.toml
	.ci/make-venv .venv-$(NEWER) $(NEWER)
	@touch $@

.venv-tryton/.made: docs/examples/tryton/requirements.txt
	.ci/make-venv-tryton .venv-tryton
	@touch $@

lock:
	@test -x .make/uv/bin/uv || { "$$(.ci/find-python 3.11+)" -m venv .make/uv && .make/uv/bin/pip install -qq --disable-pip-version-check uv; }
	.make/uv/bin/uv pip compile --universal --no-strip-extras --generate-hashes --no-emit-index-url --no-header --quiet \
		--upgrade --extra dev --output-file requirements.lock pyproject.toml

# --- the service --------------------------------------------------------------------------------------------------

serve: setup
	@test -f $(CONFIG) || .venv/bin/fallbackrouter init
	@echo "Try it from another terminal: .venv/bin/fallbackrouter ask 74951111111 --caller 79507533333"
	@exec .venv/bin/fallbackrouter serve

# --- checks -------------------------------------------------------------------------------------------------------

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	.venv/bin/deptry .
	.venv/bin/vulture
	.ci/check-committed

test: asterisk-roots chromium test-unit test-whole test-asterisk test-console test-newer

test-unit: setup promtool
	TEST_MOST_S=1500 .ci/try $(PY) -n 2 $(PURE_TESTS)

# The newer Python is tested wherever one can be found; where none can, a line says so.
test-newer:
	@if .ci/find-python $(NEWER) >/dev/null; then \
		$(MAKE) --no-print-directory .venv-$(NEWER)/.made && TEST_MOST_S=300 .ci/try .venv-$(NEWER)/bin/python -n 2 $(NEWER_TESTS); \
	else \
		echo "!!!!!! NOT TESTED ON PYTHON $(NEWER): no such interpreter on PATH or among pyenv's"; \
	fi

test-whole: setup
	TEST_MOST_S=700 .ci/try $(PY) tests/scenarios

test-asterisk: setup asterisk-roots
	TEST_MOST_S=600 .ci/try $(PY) tests/asterisk

# The console in a real browser.
test-console: setup chromium
	TEST_MOST_S=400 .ci/try $(PY) tests/console

chromium: setup
	@$(PY) -m tests.console.chromium

promtool: setup
	@$(PY) -m tests.monitoring.promtool

asterisk-roots: setup
	@$(PY) -m tests.asterisk.roots

# --- measurements -------------------------------------------------------------------------------------------------

bench: setup asterisk-roots
	$(PY) -m benchmarks

bench-full: setup asterisk-roots
	$(PY) -m benchmarks --full
	$(PY) -m benchmarks.run
	$(PY) -m benchmarks.events
	$(PY) -m benchmarks.routes

bench-check: setup asterisk-roots
	$(PY) -m benchmarks --check

drill: setup
	@mkdir -p .make && rm -f $(FAULTS)
	PROOF_FULL=1 DRILL_FIGURES=$(CURDIR)/$(FAULTS) $(PY) $(PYTEST) tests/scenarios/faults
	@$(PY) -m tests.proof.faults $(FAULTS) docs/faults.md

soak: setup
	SOAK_S=600 $(PY) $(PYTEST) tests/scenarios/faults/test_soak.py

proof: setup asterisk-roots chromium promtool .venv-tryton/.made
	@mkdir -p .make && rm -f $(FIGURES) $(BENCHMARK)
	$(FULL) $(PY) $(PYTEST) -n 2 $(PURE_TESTS)
	$(FULL) $(PY) $(PYTEST) tests/scenarios tests/asterisk
	$(FULL) $(PY) $(PYTEST) tests/console
	$(FULL) $(PY) $(PYTEST) tests/tryton
	-{ $(PY) -m benchmarks --full; $(PY) -m benchmarks.run; $(PY) -m benchmarks.events; $(PY) -m benchmarks.routes; } | tee $(BENCHMARK)
	$(PY) -m tests.proof.report $(FIGURES) $(BENCHMARK) docs/proof.md

clean:
	rm -rf .venv .venv-$(NEWER) .venv-tryton .make .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build dist htmlcov .coverage
	find fallbackrouter migrations tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
