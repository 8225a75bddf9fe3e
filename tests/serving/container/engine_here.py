"""The engine that tests of containers use, or the reason why they are skipped."""

import os

import pytest

from core.errors import FanoutError
from core.toolchain import ROOT
from serving.container import engine as engines
from serving.container import image
from serving.container.engine import Engine

WORK = ROOT / "build" / "containers"


def engine_with_image() -> tuple[Engine, str]:
    """Returns an engine and the server's image in it, built once for all tests.

    Skips the test where there is no engine, or no image can be built; the latter fails in CI.
    """
    here = engines.available()
    if not here:
        pytest.skip(
            "neither Docker nor Podman can be used here; "
            "as root on Debian and Ubuntu scripts/container_engine.sh installs Podman"
        )
    try:
        return here[0], image.server(here[0], WORK)
    except FanoutError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the image cannot be built here: {error}")
