"""Releases with a real, tiny SavedModel: 784 weights a class, made in a second."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.agreement.checks import PASSED, Check
from pipeline.release import assemble as assembly
from pipeline.release.assemble import Parts
from pipeline.release.release import Release
from pipeline.settings.config import Config
from serving.embedded import free_ports
from tests.golden import classes_golden
from tests.serving import fixture_models


def place(builds: Path, *, engine: str) -> Config:
    """Returns the configuration of an empty build folder with ports of its own."""
    grpc, rest, web = free_ports(3)
    return replace(
        Config.from_environment("fashion", "quick"),
        builds=builds,
        grpc_port=grpc,
        rest_port=rest,
        web_port=web,
        engine=engine,
    )


def environment(config: Config) -> dict[str, str]:
    """Returns the environment in which ``fanout`` works on a place."""
    return {
        **os.environ,
        "FANOUT_BUILD": str(config.builds),
        "MODEL": config.spec.name,
        "PROFILE": config.profile_name,
        "ENGINE": config.engine,
        "GRPC_PORT": str(config.grpc_port),
        "REST_PORT": str(config.rest_port),
        "WEB_PORT": str(config.web_port),
    }


def assemble(config: Config, *, seed: int, answers_of: int | None = None) -> Release:
    """Returns a release that is not promoted yet.

    Args:
        config: of a model with 28×28 pictures and ten classes.
        seed: of its weights.
        answers_of: the seed of the weights whose answers its golden set has; by default its own.
    """
    images = np.random.default_rng(1).integers(0, 256, (16, 28, 28, 1)).astype(np.float32)
    outputs = _softmax(images.reshape(16, -1) / 255 @ _weights(answers_of or seed))
    golden = classes_golden({"image": images}, outputs.argmax(axis=1), outputs)
    with tempfile.TemporaryDirectory() as folder:
        serving = fixture_models.write_classifier(Path(folder) / "m", weights=_weights(seed))
        page = Path(folder) / "web"
        page.mkdir()
        (page / "index.html").write_text("<!doctype html><title>page</title>")
        (page / "package.json").write_text('{"version": "0.0.0"}')
        return assembly.assemble(
            config,
            Parts(
                targets={"serving": serving, "web": page},
                golden=golden,
                metrics={"accuracy": 1.0, "examples": 16, "slices": {}},
                checks=[Check("serving", "float32", "REST", PASSED)],
                fingerprint=f"sha256:{seed}",
            ),
        )


def _weights(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.1, size=(784, 10)).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
