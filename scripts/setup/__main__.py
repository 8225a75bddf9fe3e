"""Installs everything the project needs below its own folder; ``make setup`` runs it.

Every step has a stamp with a digest of its inputs. When all stamps are fresh, the set-up ends in
milliseconds. It uses the standard library only, because nothing is installed when it starts.
"""

import shutil
import sys

from scripts.setup import c_runtime, environments, node
from scripts.setup.environments import (
    EDGE,
    PIPELINE_ENVIRONMENT,
    REQUIREMENTS,
    TOOLS_ENVIRONMENT,
    WEB_CONVERTER,
)
from scripts.setup.steps import ROOT, Step, run_steps

_NETWORK = "check that the package registry (PyPI, or the mirror pip is set to) can be reached"


def steps(*, development: bool) -> list[Step]:
    """Returns the steps in order; steps that only tests need are included with ``development``."""
    interpreter = (sys.executable, str(ROOT))
    # Recreating an environment removes everything installed into it, so its steps share this key.
    pipeline = (*interpreter, c_runtime.RECIPE, str(c_runtime.is_needed()))
    steps_in_order = [
        Step(
            "tools",
            TOOLS_ENVIRONMENT.stamp,
            (TOOLS_ENVIRONMENT.lock,),
            environments.install_tools,
            f"{_NETWORK}; without pip: apt install python3-pip, or install uv",
            interpreter,
        ),
        Step(
            "pipeline environment",
            PIPELINE_ENVIRONMENT.stamp,
            (PIPELINE_ENVIRONMENT.lock,),
            environments.install_pipeline,
            f"{_NETWORK}; on Debian and Ubuntu, check apt's mirror too",
            pipeline,
        ),
        Step(
            "project",
            PIPELINE_ENVIRONMENT.folder / "installed-project",
            (PIPELINE_ENVIRONMENT.lock, ROOT / "pyproject.toml"),
            environments.install_project,
            "read the log; pyproject.toml may be damaged",
            pipeline,
        ),
        Step(
            EDGE.name,
            EDGE.stamp,
            (EDGE.lock,),
            environments.installer(EDGE, "tflite-runtime", "ai-edge-litert", "numpy"),
            _NETWORK,
            interpreter,
        ),
        Step(
            WEB_CONVERTER.name,
            WEB_CONVERTER.stamp,
            (WEB_CONVERTER.lock,),
            environments.installer(WEB_CONVERTER, "tensorflowjs", "tensorflow"),
            _NETWORK,
            interpreter,
        ),
        Step(
            "Node packages",
            node.WEB / "node_modules" / ".installed",
            (node.WEB / "package-lock.json", TOOLS_ENVIRONMENT.lock),
            node.install,
            "check that the npm registry, or the mirror npm is set to, can be reached",
        ),
    ]
    steps_in_order.append(
        Step(
            "Fashion-MNIST",
            ROOT / "build" / "datasets" / "fashion-installed",
            (ROOT / "models" / "fashion" / "data.py", ROOT / "models" / "sources" / "debian.py"),
            environments.fetch_dataset,
            "check that the distribution's mirror, or Keras' download, can be reached",
        )
    )
    if development:
        steps_in_order.append(
            Step(
                "Lighthouse",
                node.AUDIT / "node_modules" / ".installed",
                (node.AUDIT / "package-lock.json", TOOLS_ENVIRONMENT.lock),
                node.install_audit,
                "check that the npm registry, or the mirror npm is set to, can be reached",
            )
        )
        lock = REQUIREMENTS / "development.lock"
        steps_in_order.append(
            Step(
                "development tools",
                PIPELINE_ENVIRONMENT.folder / "installed-development",
                (lock, PIPELINE_ENVIRONMENT.lock),
                environments.install_development,
                _NETWORK,
                pipeline,
            )
        )
    return steps_in_order


def main() -> int:
    if sys.platform != "linux":
        print("error: Linux on x86_64 is needed: TFX has no other wheels", file=sys.stderr)
        return 1
    if shutil.disk_usage(ROOT).free < 1 << 30:
        print("error: less than 1 GB of disk is free; the set-up takes about 9 GB", file=sys.stderr)
        return 1
    return run_steps(steps(development="--development" in sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
