"""The model server in the background: a process or a container, with the same functions."""

from pathlib import Path

from pipeline.deployment import processes
from pipeline.deployment.engine_choice import Choice
from pipeline.deployment.processes import Process
from pipeline.settings.config import Config
from serving import embedded
from serving.container import container, image
from serving.container.container import Container, Wanted
from serving.embedded import Address

NAME = "server"
# The interval at which models.config is read. A promotion waits for it three times. TensorFlow
# Serving takes whole seconds only.
POLL_SECONDS = "0.2"
OFFICIAL_POLL_SECONDS = "1"
METRICS_PATH = "/monitoring/prometheus/metrics"
Server = Process | Container


def running(folder: Path) -> Server | None:
    """Returns the server that a run folder records, or None if it is not alive."""
    return processes.running(NAME, folder) or container.running(NAME, folder)


def recorded(folder: Path) -> Server | None:
    """Returns the server that a run folder records, alive or not."""
    return processes.recorded(NAME, folder) or container.recorded(NAME, folder)


def stop(folder: Path) -> bool:
    """Ends the server of a run folder; returns whether one was running."""
    # Both, as there may be an old record of the kind that is not in use.
    return any([processes.stop(NAME, folder), container.stop(NAME, folder)])


def address(config: Config) -> Address | None:
    """Returns the running server's address, whatever ports are configured now, or None."""
    server = running(config.build.run_folder)
    return address_of(server) if server else None


def address_of(server: Server) -> Address:
    """Returns the address at which this machine reaches a server."""
    if isinstance(server, Container):
        return Address(server.rest_port, server.grpc_port, _reachable(server.host))
    flags = dict(word.split("=", 1) for word in server.command if "=" in word)
    return Address(int(flags["--rest_api_port"]), int(flags["--port"]), _reachable(flags["--host"]))


def is_as_wanted(server: Server, config: Config, choice: Choice) -> bool:
    """Returns whether a running server is the one that the choice would start."""
    if isinstance(server, Process):
        return choice.engine is None and server.command == command(config)
    if choice.engine is None or choice.engine.name != server.engine:
        return False
    wanted = _wanted(config, choice)
    # An image that was pulled or built again under the same name is a different image.
    return server.wanted == [
        *wanted.flags(),
        wanted.image,
        *wanted.arguments,
    ] and server.image_id == choice.engine.image_id(choice.image)


def start(config: Config, choice: Choice) -> Server:
    """Starts the chosen server. Raises EngineFailed when a container cannot be started."""
    if choice.engine is None:
        return processes.start(NAME, command(config), config.build.run_folder, environment={})
    return container.start(
        *(NAME, choice.engine, _wanted(config, choice), config.build.run_folder),
        work=config.containers,
    )


def command(config: Config) -> list[str]:
    """Returns the embedded server's command line."""
    where = Address(config.rest_port, config.grpc_port, config.host)
    arguments = (*_arguments(config, POLL_SECONDS), *_request_log(config))
    return embedded.command(config.spec.name, None, where, *arguments)


def _wanted(config: Config, choice: Choice) -> Wanted:
    official = choice.image == image.OFFICIAL
    arguments = _arguments(config, OFFICIAL_POLL_SECONDS if official else POLL_SECONDS)
    # The official image has no collector that writes to a file, and rejects unknown flags.
    logging = () if official else _request_log(config)
    return Wanted(
        image=choice.image,
        folder=config.build.deployed,
        arguments=(*arguments, *logging),
        writable=config.build.request_log.parent if logging else None,
        host=config.host,
        rest_port=config.rest_port,
        grpc_port=config.grpc_port,
        memory=config.memory,
        restart=config.restart,
    )


def _arguments(config: Config, poll_seconds: str) -> tuple[str, ...]:
    return (
        f"--model_config_file={config.build.models_config}",
        f"--model_config_file_poll_wait_seconds={poll_seconds}",
        f"--monitoring_config_file={config.build.monitoring_config}",
        # At startup TensorFlow Serving rejects labels of versions that it has not loaded yet.
        "--allow_version_labels_for_unavailable_models=true",
    )


def _request_log(config: Config) -> tuple[str, ...]:
    """Returns the server's flags for the log that ``fanout monitor`` reads; none if it is off."""
    if not config.request_log_rate:
        return ()
    return (
        f"--request_log_prefix={config.build.request_log}",
        f"--request_log_sampling_rate={config.request_log_rate:g}",
    )


def _reachable(host: str) -> str:
    """Returns the address to connect to: loopback for a server that listens on all addresses."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
