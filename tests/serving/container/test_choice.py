"""Which server is chosen, by what there is; and that nobody waits twice for the same failure.

The engine is a small program: what is tested here is what is made of its answers.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import FanoutError, UserError
from core.toolchain import ROOT
from pipeline.deployment.engine_choice import choose
from pipeline.settings.config import Config
from serving.container import context, failures, image
from serving.container import engine as engines
from serving.container.engine import EngineFailed

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Returns what puts an engine on the PATH, and nothing else: it fails at what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    engines.find.cache_clear()

    def put(name: str, *, fails_at: dict[str, str], images: tuple[str, ...] = ()) -> Path:
        calls = tmp_path / f"{name}-calls"
        program = folder / name
        program.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            f"open({str(calls)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
            f"fails_at, images = {fails_at!r}, {images!r}\n"
            "if sys.argv[1] in fails_at:\n"
            "    sys.exit('Error: ' + fails_at[sys.argv[1]])\n"
            "if sys.argv[1:3] == ['image', 'inspect']:\n"
            "    sys.exit('no such image') if sys.argv[-1] not in images else print('12ab')\n"
        )
        program.chmod(0o755)
        return calls

    yield put
    engines.find.cache_clear()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(Config, "containers", tmp_path / "containers")
    return replace(Config.from_environment("fashion", "default"), builds=tmp_path, engine="auto")


def own_image() -> str:
    return f"{image.SERVER}:{context.digest()[:16]}"


def test_without_an_engine_it_is_the_embedded_server(config: Config, install: Install) -> None:
    assert str(choose(config)) == (
        "the embedded server: neither Docker nor Podman can be used here"
    )


def test_an_engine_that_does_not_answer_is_none(config: Config, install: Install) -> None:
    install("docker", fails_at={"info": "Cannot connect to the Docker daemon"})
    assert choose(config).engine is None
    with pytest.raises(UserError, match=r"docker is installed but cannot be used: .*daemon"):
        choose(replace(config, engine="docker"))
    with pytest.raises(UserError, match="podman is not installed"):
        choose(replace(config, engine="podman"))


def test_tensorflow_servings_own_image_comes_first(config: Config, install: Install) -> None:
    calls = install("podman", fails_at={}, images=(own_image(),))
    assert choose(config).image == image.OFFICIAL
    assert f"pull --quiet {image.OFFICIAL}" in calls.read_text()


def test_an_image_that_is_there_is_not_pulled(config: Config, install: Install) -> None:
    calls = install("docker", fails_at={}, images=(image.OFFICIAL,))
    chosen = choose(config)
    assert (chosen.engine.name if chosen.engine else "", chosen.image) == ("docker", image.OFFICIAL)
    assert "pull" not in calls.read_text()


def test_where_it_cannot_be_pulled_it_is_the_own_one(config: Config, install: Install) -> None:
    calls = install("podman", fails_at={"pull": "x: lookup: no such host"}, images=(own_image(),))
    assert choose(config).image == own_image()
    assert "is not available (lookup: no such host)" in choose(config).reason
    # The second time it was remembered.
    assert calls.read_text().count("pull") == 1
    # What was asked for by name is tried again.
    choose(replace(config, engine="podman"))
    assert calls.read_text().count("pull") == 2


def test_without_any_image_it_is_the_embedded_server_or_an_error(
    config: Config, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("podman", fails_at={"pull": "no such host"})
    # No apt-get on this PATH: no base image can be made either.
    chosen = choose(config)
    assert chosen.engine is None
    assert "own image is not available" in chosen.reason
    with pytest.raises(FanoutError, match="no image for podman: TensorFlow Serving's image"):
        choose(replace(config, engine="podman"))


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "lxc")
    with pytest.raises(UserError, match=r"ENGINE must match auto\|docker.*'lxc'"):
        Config.from_environment("fashion", "default")


def test_a_failure_is_remembered_for_a_day(tmp_path: Path) -> None:
    def attempt() -> None:
        with failures.of_failures(tmp_path, "pull x"):
            tried.append(1)
            raise EngineFailed("no such host")

    tried: list[int] = []
    for _ in range(2):
        with pytest.raises(FanoutError, match="no such host"):
            attempt()
    assert len(tried) == 1
    file = tmp_path / failures.FILE
    known = json.loads(file.read_text())
    known["pull x"]["at"] = time.time() - failures.FORGET_SECONDS - 1
    file.write_text(json.dumps(known))
    with failures.of_failures(tmp_path, "pull x"):
        tried.append(1)
    assert len(tried) == 2
    assert json.loads(file.read_text()) == {}


def test_the_context_has_the_server_and_nothing_of_the_pipeline(tmp_path: Path) -> None:
    names = {str(source.relative_to(ROOT)) for source in context.sources()}
    assert {"serving/server/main.py", "serving/server/program.py"} <= names
    assert "serving/container/health.py" in names
    assert {name for name in names if not name.startswith("serving/")} <= {
        "core/__init__.py",
        "core/errors.py",
        "core/imports.py",
        "core/version.py",
    }
