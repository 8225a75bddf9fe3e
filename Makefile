# The front door: `make help` lists what it can do. The work is done by .venv/bin/fanout.

MODEL ?= fashion
PROFILE ?= default
GRPC_PORT ?= 8500
REST_PORT ?= 8501
WEB_PORT ?= 8080
export MODEL PROFILE GRPC_PORT REST_PORT WEB_PORT

FANOUT := .venv/bin/fanout
PYTEST := .venv/bin/pytest

.DEFAULT_GOAL := help
.PHONY: help setup setup-development deploy run test check format lock smoke status report stop bench bench-training clean

help:  ## list what make can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup:  ## install everything below this folder; nearly free when nothing changed
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup

setup-development:
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup --development

deploy: setup  ## pipeline, release, servers; MODEL=fashion PROFILE=default|quick
	$(FANOUT) deploy

run: setup  ## pipeline and release, without serving it
	$(FANOUT) run

test: setup-development  ## every test, on the real runtimes
	$(PYTEST) $(ARGS)

check: setup-development  ## ruff and mypy; changes nothing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: setup-development  ## put the code into its canonical form
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: setup  ## write the locks anew from requirements/*.in
	for name in tools pipeline edge web-converter development; do \
	    .venv-tools/bin/uv pip compile --quiet --generate-hashes --universal \
	        --python-version 3.11 --overrides requirements/overrides.txt requirements/$$name.in -o requirements/$$name.lock; \
	done

smoke:  ## check all targets as they are deployed now
	$(FANOUT) smoke

status:  ## what is released and what runs
	$(FANOUT) status

report:  ## write the newest release's report where it has none, print its path
	$(FANOUT) report

stop:  ## end the servers that deploy started
	$(FANOUT) stop

bench: setup  ## the pipeline's time against a bare Keras script's
	.venv/bin/python -m benchmarks.pipeline

bench-training: setup  ## a training step by fit and by a loop of one's own, eager, as a graph, by XLA
	.venv/bin/python -m benchmarks.training

clean:  ## delete releases, artifacts and logs; datasets and environments stay
	$(FANOUT) stop
	find build -mindepth 1 -maxdepth 1 ! -name datasets ! -name setup -exec rm -rf {} +
