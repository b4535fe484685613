# `make run` and `make test` set themselves up: they need Python 3.11 to 3.13 with venv and pip, and a package index.
# `make services` needs Java, Maven and Go besides.
# PYTHON=python3.12 chooses the interpreter, ARGS="..." goes to pytest, KEEP=1 leaves the demonstration up.

.DEFAULT_GOAL := help
.PHONY: help run test services test-services lint types bench docs clean environment client

bin := .venv/bin

help:   ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: environment   ## Watch detectors publish, coincidences form and alerts go out (KEEP=1 leaves it all up)
	@$(bin)/python -m snews_cs.simulation.demo $(if $(KEEP),--keep)

test: environment client   ## Run the tests (ARGS="-k retraction" chooses, ARGS="-n 0" uses one processor)
	@$(bin)/pytest -rs -n auto --maxprocesses 8 --dist worksteal $(ARGS)

services:   ## Build the real servers for the tests: Apache Kafka and FerretDB (MongoDB's protocol)
	@.ci/services

test-services: environment services   ## Run the tests on real servers (ARGS="-k kafka" chooses)
	@$(bin)/pytest -m services -n auto --maxprocesses 4 --dist worksteal $(ARGS)

lint: environment   ## Check style and format
	@$(bin)/ruff check
	@$(bin)/ruff format --check

types: environment   ## Check types
	@$(bin)/mypy

bench: environment   ## Measure; prints machine, versions, n, median, p95 and p99
	@$(bin)/pytest benchmarks -p no:randomly $(ARGS)

docs: environment   ## Build the documentation: docs/_build/html/index.html
	@$(bin)/sphinx-build -q -W --keep-going docs docs/_build/html
	@echo docs/_build/html/index.html

clean:   ## Remove all that make has made, environments included
	@rm -rf .venv .venv-* .services build dist docs/_build .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find snews_cs tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@.ci/environment project

client:
	@.ci/environment client
	@.ci/environment old-client
