"""The command line."""

from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.server import flags, settings_files


def test_defaults_are_those_of_tensorflow_serving() -> None:
    settings = flags.parse(["--model_base_path=/models/m"], {})
    assert (settings.port, settings.rest_api_port) == (8500, 0)
    assert settings.model_name == "default"
    assert settings.file_system_poll_wait_seconds == 1.0
    assert settings.rest_api_timeout_in_ms == 30_000
    assert settings.host == "127.0.0.1"
    assert settings.monitoring.path is None


def test_both_spellings_and_both_forms() -> None:
    settings = flags.parse(
        ["--model-base-path", "/m", "--rest_api_port=8501", "--enable-model-warmup=false"], {}
    )
    assert settings.model_base_path == Path("/m")
    assert settings.rest_api_port == 8501
    assert settings.enable_model_warmup is False


def test_environment_of_the_image() -> None:
    settings = flags.parse([], {"MODEL_NAME": "m", "MODEL_BASE_PATH": "/models"})
    assert (settings.model_name, settings.model_base_path) == ("m", Path("/models/m"))


def test_flags_without_effect_are_noted() -> None:
    settings = flags.parse(["--model_base_path=/m", "--rest_api_num_threads=4"], {})
    assert settings.notes == (
        "--rest_api_num_threads has no effect: REST runs on the event loop",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--modle_name=x"], "unrecognized arguments: --modle_name=x"),
        (["--model"], "unrecognized arguments: --model"),
        (["--port=http"], "expected a port from 0 to 65535, got 'http'"),
        (["--port=70000"], "expected a port from 0 to 65535, got '70000'"),
        (["--enable_batching=maybe"], "expected true or false, got 'maybe'"),
        (["--max_batch_size=0"], "expected a whole number above 0, got '0'"),
        (["--model_base_path=/m", "--port=1", "--rest_api_port=1"], "cannot be the same"),
        ([], "neither --model_base_path nor --model_config_file is given"),
    ],
)
def test_mistakes_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        flags.parse(arguments, {})


def test_monitoring_file(tmp_path: Path) -> None:
    file = tmp_path / "monitoring.config"
    for text, expected in (
        ("", None),
        ("prometheus_config { enable: false }", None),
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/m" }', "/m"),
    ):
        file.write_text(text)
        assert settings_files.monitoring(file).path == expected
    for text in ("nonsense", 'prometheus_config { enable: true path: "m" }'):
        file.write_text(text)
        with pytest.raises(UserError, match=r"monitoring\.config"):
            settings_files.monitoring(file)
    with pytest.raises(UserError, match="cannot be read"):
        settings_files.monitoring(tmp_path / "none")
