"""The servers in the background: starts the model server and the page's server, and ends them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.console import CONSOLE
from core.errors import FanoutError, UserError
from pipeline.deployment import answers, engine_choice, model_server, processes, promotion, rollout
from pipeline.deployment.model_server import Server
from pipeline.deployment.processes import Process
from pipeline.release import release
from pipeline.settings.config import Config
from pipeline.targets import targets_of
from serving.client.versions import AVAILABLE, NoStatus, Versions

SERVER, PAGE = model_server.NAME, "page"
_START_SECONDS = 90.0


def serve(config: Config) -> None:
    """Starts the model server and the page's server in the background, unless they run already.

    A release without a page gets no page's server, and one that runs is ended.

    Raises:
        UserError: nothing is promoted yet, or a port is in use.
        FanoutError: a server did not start.
    """
    promoted = release.current(config.build)
    if promoted is None:
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: fanout run")
    # The server finds the promoted release even if the promotion was interrupted.
    canary = promotion.held_canary(config, promoted.version)
    rollout.switch(config, {rollout.STABLE: promoted.version, **canary})
    _start_server(config)
    if has_page(config):
        _start_page(config)
    else:
        CONSOLE.print(f"  release {promoted.version} has no web target, so no page is served")
        _stop(PAGE, config.build.run_folder)
    _await(config, SERVER, lambda: _unserved(config, promoted.version))
    if has_page(config):
        _await(config, PAGE, lambda: _unseen(config))


def stop_all(config: Config) -> list[str]:
    """Ends the servers that ``serve`` started, for any model and profile; returns their names."""
    return [
        f"{name} of {folder.parent.name}"
        for folder in _run_folders(config)
        for name in (SERVER, PAGE)
        if _stop(name, folder)
    ]


def running(config: Config) -> dict[str, Server]:
    """Returns the servers that are alive, by name."""
    servers = {name: _running(name, config.build.run_folder) for name in (SERVER, PAGE)}
    return {name: server for name, server in servers.items() if server is not None}


def runs_in(config: Config) -> str:
    """Returns what the model server runs in now: an engine and image, or just a process."""
    server = model_server.running(config.build.run_folder)
    if server is None or isinstance(server, Process):
        return "a process"
    return f"{server.engine}, {server.image.rpartition('/')[2].partition(':')[0]}"


def has_page(config: Config) -> bool:
    """Returns whether the current release, or the first one when it is made, has a page."""
    if config.build.current.is_dir():
        return (config.build.current / "web").is_dir()
    return "web" in targets_of(config.spec)


def addresses(config: Config) -> dict[str, str]:
    """Returns the addresses of everything that is deployed; the page's only if there is one."""
    # A server that listens on all addresses is reached on loopback.
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host  # noqa: S104
    where = {
        "REST": f"http://{host}:{config.rest_port}",
        "gRPC": f"grpc://{host}:{config.grpc_port}",
    }
    return {**where, PAGE: f"http://{host}:{config.web_port}/"} if has_page(config) else where


def _page_command(config: Config) -> list[str]:
    return [
        *(sys.executable, "-m", "web.server.site_server"),
        f"--directory={config.build.current / 'web'}",
        f"--host={config.host}",
        f"--port={config.web_port}",
        f"--model-server={addresses(config)['REST']}/v1/models/{config.spec.name}",
    ]


def _start_server(config: Config) -> None:
    choice = engine_choice.choose(config)
    CONSOLE.print(f"  serving with {choice}", soft_wrap=True)
    now = model_server.running(config.build.run_folder)
    if now is not None and model_server.is_as_wanted(now, config, choice):
        return
    _free(config, SERVER, {"GRPC_PORT": config.grpc_port, "REST_PORT": config.rest_port})
    model_server.start(config, choice)


def _start_page(config: Config) -> None:
    command = _page_command(config)
    now = processes.running(PAGE, config.build.run_folder)
    if now is not None and now.command == command:
        return
    _free(config, PAGE, {"WEB_PORT": config.web_port})
    processes.start(PAGE, command, config.build.run_folder, environment={})


def _free(config: Config, name: str, ports: dict[str, int]) -> None:
    """Ends servers that were started here and use the ports, for any model and profile."""
    wanted = {str(port) for port in ports.values()}
    for folder in _run_folders(config):
        other = _running(name, folder)
        # Only one deployment can use the ports; the newer command takes precedence.
        if folder != config.build.run_folder and other is not None and other.ports & wanted:
            CONSOLE.print(f"  ending the {name} of {folder.parent.name}, which uses these ports")
            _stop(name, folder)
    _stop(name, config.build.run_folder)
    for variable, port in ports.items():
        processes.require_free_port(config.host, port, variable)


def _running(name: str, folder: Path) -> Server | None:
    return model_server.running(folder) if name == SERVER else processes.running(name, folder)


def _stop(name: str, folder: Path) -> bool:
    return model_server.stop(folder) if name == SERVER else processes.stop(name, folder)


def _run_folders(config: Config) -> list[Path]:
    return sorted(config.builds.glob("*/run"))


def _unserved(config: Config, version: int) -> str:
    """Returns why the server does not serve a version yet, as it polls for new ones; else empty."""
    server = Versions(addresses(config)["REST"], config.spec.name)
    try:
        state = server.states().get(version)
    except NoStatus as error:
        return str(error)
    if state is None:
        return f"{server.url}: version {version} does not exist"
    if state.name != AVAILABLE:
        return f"{server.url}: version {version} is {state.name} {state.error}".rstrip()
    return ""


def _unseen(config: Config) -> str:
    """Returns why the page does not answer yet; empty if it does."""
    try:
        answers.get(f"{addresses(config)['page']}contract.json")
    except answers.NoAnswer as error:
        return str(error)
    return ""


def _await(config: Config, name: str, ask: Callable[[], str]) -> None:
    """Waits until a server is up, which is when ``ask`` returns no problem.

    Raises:
        FanoutError: the server ended, or the time is over; the message has the last problem.
    """
    deadline = time.monotonic() + _START_SECONDS
    started = _running(name, config.build.run_folder)
    with CONSOLE.status(f"waiting for the {name}"):
        while True:
            # Another server may answer on the port that this one failed to get.
            if started is not None and not started.is_alive:
                raise FanoutError(f"the {name} ended during startup: {started.last_words()}")
            problem = ask()
            if not problem:
                return
            if time.monotonic() > deadline:
                raise FanoutError(
                    f"the {name} did not start within {_START_SECONDS:.0f} s: {problem}"
                )
            time.sleep(0.1)
