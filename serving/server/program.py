"""The server's process: loads the models, listens, and stops cleanly on SIGTERM or SIGINT."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import FanoutError, UserError
from serving.server.dataplane import model_config
from serving.server.dataplane.config_file import ConfigFile
from serving.server.dataplane.model_config import ModelConfig
from serving.server.dataplane.statuses import ServingError
from serving.server.settings import flags, tls
from serving.server.settings.flags import Settings
from serving.server.supervisor import PROGRAM, Life

LOG = logging.getLogger(PROGRAM)
READY = "ready"
INTERRUPTED = 130  # as shells report it


def main(arguments: Sequence[str], life: Life | None) -> int:
    """Returns the exit code: 0 after a clean stop; otherwise one line on stderr says why.

    Args:
        arguments: the command line without the program's name.
        life: of a supervised server; None if nothing starts it again.
    """
    signal.signal(signal.SIGINT, _leave)
    logging.basicConfig(format=f"{PROGRAM}: %(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        return run(flags.parse(arguments), life)
    except FanoutError as error:
        LOG.error("%s", error)
        return error.exit_code
    except ServingError as error:
        LOG.error("%s", error.message)
        return 1


def _leave(*_: object) -> None:
    """Ends the process while it imports TensorFlow: an exception in there would not stay one."""
    LOG.info("stopped while starting")
    os._exit(INTERRUPTED)


def run(settings: Settings, life: Life | None) -> int:
    """Returns 0 when the server has stopped. Raises UserError or ServingError if it can't start."""
    for note in settings.notes:
        LOG.warning("%s", note)
    file = ConfigFile(settings.model_config_file) if settings.model_config_file else None
    configs = file.read() if file else [model_of(settings)]
    for encryption, flag in (
        (settings.ssl, "--ssl_config_file"),
        (settings.rest_api_ssl, "--rest_api_ssl_config_file"),
    ):
        if encryption:
            tls.context(encryption, flag=flag)
    for config in configs:
        model_config.require_versions(config)  # before TensorFlow is imported, which takes seconds
    for flag, port in (("--port", settings.port), ("--rest_api_port", settings.rest_api_port)):
        check_port(settings.host, port, flag)
    import uvloop

    uvloop.run(_serve(settings, configs, file, life))
    return 0


def check_port(host: str, port: int, flag: str) -> None:
    """Raises UserError when the server can't listen on a port, before the models are loaded."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port} ({flag}): {error.strerror}") from error


def model_of(settings: Settings) -> ModelConfig:
    """Returns the model that the flags name."""
    return ModelConfig(settings.model_name, settings.model_base_path or Path())


async def _serve(
    settings: Settings, configs: list[ModelConfig], file: ConfigFile | None, life: Life | None
) -> None:
    from serving.server.dataplane.runtime import tensorflow

    tensorflow()  # before another import loads it the slow way
    from serving.server.dataplane.manager import Manager
    from serving.server.dataplane.metrics import Metrics
    from serving.server.dataplane.polling import Every
    from serving.server.dataplane.versions import Models
    from serving.server.server import Server, make_loader

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    models = Models()
    manager = Manager(
        models,
        configs,
        make_loader(settings),
        max_retries=settings.max_num_load_retries,
        retry_seconds=settings.load_retry_interval_micros / 1e6,
        any_label=settings.allow_version_labels_for_unavailable_models,
    )
    server = Server(settings, models, manager, Metrics(life.restarts if life else None, models))
    await loop.run_in_executor(None, manager.load_all)
    await server.start()
    # Large requests create many short-lived lists. Looking for reference cycles among them, and
    # each time among all of TensorFlow's objects, would take several times as long as parsing.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    pollers = []
    if settings.file_system_poll_wait_seconds > 0:
        seconds = settings.file_system_poll_wait_seconds
        pollers.append(Every(seconds, manager.sync, "looking for versions"))
    if file and settings.model_config_file_poll_wait_seconds:
        seconds = settings.model_config_file_poll_wait_seconds
        pollers.append(Every(seconds, lambda: file.follow(manager), "reading models.config"))
    LOG.info(
        "%s: gRPC on %s:%d, REST on %s:%d, models: %s",
        READY, settings.host, server.grpc_port, settings.host, server.rest_port,
        ", ".join(models.names()),
    )  # fmt: skip
    if life:
        life.ready()
    await stopping.wait()
    LOG.info("stopping")
    for poller in pollers:
        await asyncio.to_thread(poller.stop)
    await server.stop()
