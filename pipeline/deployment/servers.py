"""``fanout deploy``: run, serve what was released, and check all three targets as deployed."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from core.console import CONSOLE
from core.errors import FanoutError, UserError
from pipeline.deployment import engine_choice, model_server, processes, rollout
from pipeline.deployment.model_server import Server
from pipeline.deployment.processes import Process
from pipeline.release import release
from pipeline.release.release import Release
from pipeline.settings.config import Config

SERVER, PAGE = model_server.NAME, "page"
_START_SECONDS = 90.0


def serve(config: Config) -> None:
    """Starts the model server and the page's server in the background, or finds them running.

    Raises:
        UserError: nothing is promoted yet, or a port is taken.
        FanoutError: a server did not come up.
    """
    promoted = release.current(config)
    if promoted is None:
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: fanout run")
    # What was promoted is what a server finds, also after a promotion that was cut short.
    canary = release.held_canary(config, promoted.version)
    rollout.switch(config, {rollout.STABLE: promoted.version, **canary})
    _start_server(config)
    _start_page(config)
    _await_version(config, promoted)
    _await(config, PAGE, f"{addresses(config)['page']}contract.json")


def stop_all(config: Config) -> list[str]:
    """Ends what ``serve`` started, of whatever model and profile; returns what was running."""
    return [
        f"{name} of {folder.parent.name}"
        for folder in _run_folders(config)
        for name in (SERVER, PAGE)
        if _stop(name, folder)
    ]


def running(config: Config) -> dict[str, Server]:
    """Returns the servers that are alive, by name."""
    found = {name: _running(name, config.run_folder) for name in (SERVER, PAGE)}
    return {name: server for name, server in found.items() if server is not None}


def runs_in(config: Config) -> str:
    """Returns what the model server runs in now: engine and image, or nothing but a process."""
    server = model_server.running(config.run_folder)
    if server is None or isinstance(server, Process):
        return "a process"
    return f"{server.engine}, {server.image.rpartition('/')[2].partition(':')[0]}"


def addresses(config: Config) -> dict[str, str]:
    """Returns where each thing answers once it is deployed."""
    # A server that listens on all addresses is asked on this machine's own.
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host  # noqa: S104
    return {
        "REST": f"http://{host}:{config.rest_port}",
        "gRPC": f"grpc://{host}:{config.grpc_port}",
        "page": f"http://{host}:{config.web_port}/",
    }


def _page_command(config: Config) -> list[str]:
    return [
        *(sys.executable, "-m", "web.server.site_server"),
        f"--directory={config.releases / release.CURRENT / 'web'}",
        f"--host={config.host}",
        f"--port={config.web_port}",
        f"--model-server={addresses(config)['REST']}/v1/models/{config.spec.name}",
    ]


def _start_server(config: Config) -> None:
    choice = engine_choice.choose(config)
    CONSOLE.print(f"  serving with {choice}", soft_wrap=True)
    now = model_server.running(config.run_folder)
    if now is not None and model_server.is_as_wanted(now, config, choice):
        return
    _free(config, SERVER, {"GRPC_PORT": config.grpc_port, "REST_PORT": config.rest_port})
    model_server.start(config, choice)


def _start_page(config: Config) -> None:
    command = _page_command(config)
    now = processes.running(PAGE, config.run_folder)
    if now is not None and now.command == command:
        return
    _free(config, PAGE, {"WEB_PORT": config.web_port})
    processes.start(PAGE, command, config.run_folder, environment={})


def _free(config: Config, name: str, ports: dict[str, int]) -> None:
    """Ends what was started here and has the ports, of whatever model and profile."""
    wanted = {str(port) for port in ports.values()}
    for folder in _run_folders(config):
        other = _running(name, folder)
        # One deployment at a time has the ports: the newer command is what was asked for.
        if folder != config.run_folder and other is not None and other.ports & wanted:
            CONSOLE.print(f"  ending the {name} of {folder.parent.name}, which has these ports")
            _stop(name, folder)
    _stop(name, config.run_folder)
    for variable, port in ports.items():
        processes.require_free_port(config.host, port, variable)


def _running(name: str, folder: Path) -> Server | None:
    return model_server.running(folder) if name == SERVER else processes.running(name, folder)


def _stop(name: str, folder: Path) -> bool:
    return model_server.stop(folder) if name == SERVER else processes.stop(name, folder)


def _run_folders(config: Config) -> list[Path]:
    return sorted(config.builds.glob("*/run"))


def _await_version(config: Config, promoted: Release) -> None:
    """Waits until the server answers with the promoted version: it polls for new ones."""
    model = f"{addresses(config)['REST']}/v1/models/{config.spec.name}"
    url = f"{model}/versions/{promoted.version}"
    _await(config, SERVER, url, wanted=b'"AVAILABLE"')


def _await(config: Config, name: str, url: str, *, wanted: bytes = b"") -> None:
    deadline = time.monotonic() + _START_SECONDS
    seen = "no answer"
    started = _running(name, config.run_folder)
    with CONSOLE.status(f"waiting for the {name}"):
        while time.monotonic() < deadline:
            if started is not None and not started.is_alive:
                raise FanoutError(f"the {name} ended as it started: {started.last_words()}")
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http to ourselves
                    body = answer.read()
                if wanted in body:
                    return
                seen = body[:200].decode(errors="replace")
            except (urllib.error.URLError, OSError) as error:
                seen = str(error)
            time.sleep(0.1)
    raise FanoutError(f"the {name} did not come up within {_START_SECONDS:.0f} s: {url}: {seen}")
