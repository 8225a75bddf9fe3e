"""The command line."""

import contextlib
from pathlib import Path

import pytest

from core.errors import UserError
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.settings import flags, settings_files
from serving.server.settings.known_flags import REFUSED


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
        (["--modle_name=x"], "unrecognized arguments: --modle_name=x; did you mean --model_name"),
        (["--api_key=secret"], "did you mean --api_key_file"),
        (["--zzz"], "unrecognized arguments: --zzz; see"),
        (
            ["--use_alts_credentials"],
            "--use_alts_credentials is not supported: ALTS exists only on",
        ),
        (["--prefer_tflite_model=true"], "--prefer_tflite_model is not supported: only SavedM"),
        (["--tensorflow_session_config_file=f"], "set --tensorflow_intra_op_parallelism"),
        (["--request_log_sampling_rate=1.5"], "expected a share from 0 to 1, got '1.5'"),
        (["--tensorflow_session_parallelism=-1"], "expected a whole number, 0 for automatic"),
        (["--file_system_poll_wait_seconds=inf"], "expected a number of seconds, got 'inf'"),
        (["--file_system_poll_wait_seconds=nan"], "expected a number of seconds, got 'nan'"),
        (["--model_config_file_poll_wait_seconds=-1"], "a number of seconds, 0 or more, got '-1'"),
        (["--model"], "unrecognized arguments: --model"),
        (["--port=http"], "expected a port from 0 to 65535, got 'http'"),
        (["--port=70000"], "expected a port from 0 to 65535, got '70000'"),
        (["--enable_batching=maybe"], "expected true or false, got 'maybe'"),
        (["--max_batch_size=0"], "expected a whole number above 0, got '0'"),
        (["--model_base_path=/m", "--port=1", "--rest_api_port=1"], "must differ from --port"),
        (
            ["--model_base_path=/m", "--max_total_request_bytes=9", "--max_body_bytes=10"],
            r"--max_total_request_bytes must be at least --max_body_bytes \(10\), got 9",
        ),
        ([], "give --model_base_path or --model_config_file; neither is set"),
    ],
)
def test_mistakes_are_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        flags.parse(arguments, {})


def test_all_requests_together_may_have_as_much_as_one() -> None:
    for one, total in ((1 << 20, 512 << 20), (1 << 30, 1 << 30)):
        settings = flags.parse(["--model_base_path=/m", f"--max_body_bytes={one}"], {})
        assert settings.max_total_request_bytes == total


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


# The flags of tensorflow_model_server (tensorflow_serving/model_servers/main.cc).
TENSORFLOW_SERVING = [
    "port",
    "grpc_socket_path",
    "rest_api_port",
    "rest_api_num_threads",
    "rest_api_timeout_in_ms",
    "rest_api_enable_cors_support",
    "enable_batching",
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_per_model_batching_parameters",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "model_name",
    "model_base_path",
    "num_load_threads",
    "num_unload_threads",
    "max_num_load_retries",
    "load_retry_interval_micros",
    "file_system_poll_wait_seconds",
    "flush_filesystem_caches",
    "tensorflow_session_parallelism",
    "tensorflow_session_config_file",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
    "use_alts_credentials",
    "ssl_config_file",
    "platform_config_file",
    "per_process_gpu_memory_fraction",
    "saved_model_tags",
    "grpc_channel_arguments",
    "grpc_max_threads",
    "enable_model_warmup",
    "num_request_iterations_for_warmup",
    "version",
    "monitoring_config_file",
    "remove_unused_fields_from_bundle_metagraph",
    "prefer_tflite_model",
    "num_tflite_pools",
    "num_tflite_interpreters_per_pool",
    "enable_signature_method_name_check",
    "xla_cpu_compilation_enabled",
    "enable_profiler",
    "thread_pool_factory_config_file",
    "enable_grpc_healthcheck_service",
]


@pytest.mark.parametrize("name", TENSORFLOW_SERVING)
def test_every_flag_of_tensorflow_serving_is_known(name: str) -> None:
    """It is taken, taken with a note, or refused with the reason: never as an unknown one."""
    with contextlib.suppress(UserError, SystemExit):
        settings = flags.parse(["--model_base_path=/m", f"--{name}=0"], {})
        assert (
            hasattr(settings, name)
            or any(f"--{name} has no effect" in one for one in settings.notes)
            or name in REFUSED
        )
        return
    with pytest.raises((UserError, SystemExit)) as caught:
        flags.parse([f"--{name}=0"], {})
    assert "unrecognized" not in str(caught.value)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        flags.parse(["--version"], {})
    assert caught.value.code == 0
    assert "TensorFlow 2." in capsys.readouterr().out


def test_batching_file(tmp_path: Path) -> None:
    file = tmp_path / "batching.config"
    file.write_text(
        "max_batch_size { value: 16 } max_enqueued_batches { value: 5 } "
        "num_batch_threads { value: 3 } batch_timeout_micros { value: 1000 } "
        "allowed_batch_sizes: 8 allowed_batch_sizes: 16"
    )
    settings = flags.parse(["--model_base_path=/m", f"--batching_parameters_file={file}"], {})
    assert (settings.max_batch_size, settings.max_queued_requests) == (16, 80)
    assert settings.batching.threads == 3
    assert [note.split()[0] for note in settings.notes] == [
        "batch_timeout_micros", "allowed_batch_sizes",
    ]  # fmt: skip
    for text in ("max_batch_size { value: 0 }", "max_batch_size: 3", "unknown: 1"):
        file.write_text(text)
        with pytest.raises(UserError, match=r"batching\.config"):
            settings_files.batching(file)


@pytest.mark.parametrize(
    ("flag", "variable", "admin"),
    [
        ("--api_key_file", "FANOUT_API_KEY", False),
        ("--admin_api_key_file", "FANOUT_ADMIN_API_KEY", True),
    ],
)
def test_api_keys(tmp_path: Path, flag: str, variable: str, admin: bool) -> None:
    file = tmp_path / "keys"
    file.write_text("a-key-that-is-long\n")
    base = ["--model_base_path=/m"]
    assert not flags.parse(base, {}).access
    for arguments, environment in (
        ([f"{flag}={file}"], {}),
        ([], {variable: "a-key-that-is-long"}),
    ):
        settings = flags.parse([*base, *arguments], environment)
        assert bool(settings.access.clients) is not admin
        check = settings.access.check_admin if admin else settings.access.check
        check({"x-api-key": "a-key-that-is-long"})
        with pytest.raises(ServingError):
            check({"x-api-key": "another-key-that-is-long"})
        assert "a-key-that-is-long" not in repr(settings)
    for text, message in (
        ("", "holds no key"),
        ("short", "at least 16 characters, got 5"),
        ("a key with some spaces", "without spaces"),
    ):
        file.write_text(text)
        with pytest.raises(UserError, match=message):
            flags.parse([*base, f"{flag}={file}"], {})


def test_who_may_do_what() -> None:
    client, admin = {"x-api-key": "the-key-of-a-client"}, {"x-api-key": "the-key-of-an-admin"}
    keys = {"FANOUT_API_KEY": client["x-api-key"], "FANOUT_ADMIN_API_KEY": admin["x-api-key"]}
    base = ["--model_base_path=/m"]
    both = flags.parse(base, keys)
    both.access.check(client)
    both.access.check(admin)
    both.access.check_admin(admin)
    assert both.notes == ()
    with pytest.raises(ServingError, match="admin key is required, got a client's") as caught:
        both.access.check_admin(client)
    assert caught.value.code is Code.PERMISSION_DENIED
    with pytest.raises(ServingError, match="a known admin key is required") as caught:
        both.access.check_admin({})
    assert caught.value.code is Code.UNAUTHENTICATED

    for_clients = flags.parse(base, {"FANOUT_API_KEY": client["x-api-key"]})
    assert "there is no admin key" in for_clients.notes[0]
    with pytest.raises(ServingError, match="--admin_api_key_file") as caught:
        for_clients.access.check_admin(client)
    assert caught.value.code is Code.PERMISSION_DENIED

    for_admins = flags.parse(base, {"FANOUT_ADMIN_API_KEY": admin["x-api-key"]})
    for_admins.access.check({})
    for_admins.access.check_admin(admin)
    with pytest.raises(ServingError, match="a known admin key is required"):
        for_admins.access.check_admin({})

    same = {"FANOUT_API_KEY": client["x-api-key"], "FANOUT_ADMIN_API_KEY": client["x-api-key"]}
    with pytest.raises(UserError, match="must differ from all client keys"):
        flags.parse(base, same)
