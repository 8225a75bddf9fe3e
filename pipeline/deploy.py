"""``fanout deploy``: run, serve what was released, and check all three targets as deployed."""

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from pipeline import processes, release
from pipeline.config import Config
from pipeline.errors import FanoutError, UserError
from pipeline.processes import Process
from pipeline.progress import CONSOLE
from pipeline.release import Release
from serving import embedded

SERVER, PAGE = "server", "page"
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
    _start(
        config,
        SERVER,
        _server_command(config),
        {"GRPC_PORT": config.grpc_port, "REST_PORT": config.rest_port},
    )
    _start(config, PAGE, _page_command(config), {"WEB_PORT": config.web_port})
    _await_version(config, promoted)
    _await(config, PAGE, f"{addresses(config)['page']}contract.json")


def stop_all(config: Config) -> list[str]:
    """Ends what ``serve`` started, of whatever model and profile; returns what was running."""
    return [
        f"{name} of {folder.parent.name}"
        for folder in _run_folders(config)
        for name in (SERVER, PAGE)
        if processes.stop(name, folder)
    ]


def running(config: Config) -> dict[str, Process]:
    """Returns the servers that are alive, by name."""
    found = {name: processes.running(name, config.run_folder) for name in (SERVER, PAGE)}
    return {name: process for name, process in found.items() if process is not None}


def addresses(config: Config) -> dict[str, str]:
    """Returns where each thing answers once it is deployed."""
    # A server that listens on all addresses is asked on this machine's own.
    host = "127.0.0.1" if config.host in ("0.0.0.0", "::") else config.host  # noqa: S104
    return {
        "REST": f"http://{host}:{config.rest_port}",
        "gRPC": f"grpc://{host}:{config.grpc_port}",
        "page": f"http://{host}:{config.web_port}/",
    }


def _server_command(config: Config) -> list[str]:
    base_path = config.releases / release.CURRENT / "serving" / config.spec.name
    address = embedded.Address(config.rest_port, config.grpc_port, config.host)
    return [*embedded.command(config.spec.name, base_path, address), *_request_log(config)]


def _request_log(config: Config) -> list[str]:
    """Returns the server's flags for what ``fanout monitor`` reads; none unless it is asked for."""
    if not config.request_log_rate:
        return []
    return [
        f"--request_log_prefix={config.request_log}",
        f"--request_log_sampling_rate={config.request_log_rate:g}",
    ]


def _page_command(config: Config) -> list[str]:
    return [
        *(sys.executable, "-m", "web.site_server"),
        f"--directory={config.releases / release.CURRENT / 'web'}",
        f"--host={config.host}",
        f"--port={config.web_port}",
        f"--model-server={addresses(config)['REST']}/v1/models/{config.spec.name}",
    ]


def _start(config: Config, name: str, command: list[str], ports: dict[str, int]) -> None:
    now = processes.running(name, config.run_folder)
    if now is not None and now.command == command:
        return
    for folder in _run_folders(config):
        other = processes.running(name, folder)
        # One deployment at a time has the ports: the newer command is what was asked for.
        if other is not None and _ports(other.command) & _ports(command):
            CONSOLE.print(f"  ending the {name} of {folder.parent.name}, which has these ports")
            processes.stop(name, folder)
    processes.stop(name, config.run_folder)
    for variable, port in ports.items():
        processes.require_free_port(config.host, port, variable)
    processes.start(name, command, config.run_folder, environment={})


def _run_folders(config: Config) -> list[Path]:
    return sorted(config.builds.glob("*/run"))


def _ports(command: list[str]) -> set[str]:
    return {word.partition("=")[2] for word in command if "port=" in word}


def _await_version(config: Config, promoted: Release) -> None:
    """Waits until the server answers with the promoted version: it polls for new ones."""
    model = f"{addresses(config)['REST']}/v1/models/{config.spec.name}"
    url = f"{model}/versions/{promoted.version}"
    _await(config, SERVER, url, wanted=b'"AVAILABLE"')


def _await(config: Config, name: str, url: str, *, wanted: bytes = b"") -> None:
    deadline = time.monotonic() + _START_SECONDS
    seen = "no answer"
    with CONSOLE.status(f"waiting for the {name}"):
        while time.monotonic() < deadline:
            process = processes.running(name, config.run_folder)
            if process is None:
                log = config.run_folder / f"{name}.log"
                words = log.read_text(errors="replace").strip().splitlines()[-3:]
                raise FanoutError(
                    f"the {name} ended as it started: {' | '.join(words)} (log: {log})"
                )
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
