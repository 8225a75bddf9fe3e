"""Installs what the project needs below its own folder: ``make setup`` runs it.

Every step has a stamp with a digest of what it was made from; with all of them fresh this ends
in milliseconds. Standard library only, as nothing is installed when it starts.
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
    """Returns the steps in their order; those for tests alone only with ``development``."""
    interpreter = (sys.executable, str(ROOT))
    # What is installed into an environment goes with it when it is made anew.
    pipeline = (*interpreter, c_runtime.RECIPE, str(c_runtime.is_needed()))
    found = [
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
            f"{_NETWORK}; on Debian and Ubuntu also that apt's mirror can",
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
    found.append(
        Step(
            "Fashion-MNIST",
            ROOT / "build" / "datasets" / "fashion-installed",
            (ROOT / "models" / "fashion" / "data.py", ROOT / "models" / "sources" / "debian.py"),
            environments.fetch_dataset,
            "check that the distribution's mirror, or Keras' download, can be reached",
        )
    )
    if development:
        found.append(
            Step(
                "Lighthouse",
                node.AUDIT / "node_modules" / ".installed",
                (node.AUDIT / "package-lock.json", TOOLS_ENVIRONMENT.lock),
                node.install_audit,
                "check that the npm registry, or the mirror npm is set to, can be reached",
            )
        )
        lock = REQUIREMENTS / "development.lock"
        found.append(
            Step(
                "development tools",
                PIPELINE_ENVIRONMENT.folder / "installed-development",
                (lock, PIPELINE_ENVIRONMENT.lock),
                environments.install_development,
                _NETWORK,
                pipeline,
            )
        )
    return found


def main() -> int:
    if sys.platform != "linux":
        print("error: Linux on x86_64 is needed: TFX has no wheels for others", file=sys.stderr)
        return 1
    if shutil.disk_usage(ROOT).free < 1 << 30:
        print("error: less than 1 GB of disk is free; the set-up takes about 9 GB", file=sys.stderr)
        return 1
    return run_steps(steps(development="--development" in sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
