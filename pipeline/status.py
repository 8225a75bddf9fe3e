"""``fanout status``: which release is current, whether its files are whole, what runs."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline import deploy, model_server, release, rollout
from pipeline.config import Config
from pipeline.model_server import Server
from serving import embedded
from serving.container.container import Container


@dataclass(frozen=True)
class Status:
    """What is true of a build folder now.

    Attributes:
        build: the folder's name.
        current: the promoted version, or None.
        versions: the releases on disk.
        damage: what differs from the current release's manifest.
        running: process ids by name.
        server: what the model server runs in and what it serves; empty when it does not run.
        deployed: the version of each label as the server is told.
        addresses: where what runs answers.
    """

    build: str
    current: int | None
    versions: list[int]
    damage: list[str]
    running: dict[str, int]
    addresses: dict[str, str]
    server: dict[str, Any]
    deployed: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        lines = [
            f"{self.build}: release {self.current} is current"
            if self.current
            else f"{self.build}: nothing is promoted",
            f"  releases  {', '.join(map(str, self.versions)) or 'none'}",
            f"  files     {'; '.join(self.damage) or 'as in the manifest'}",
        ]
        running = [f"{name} (process {pid})" for name, pid in self.running.items()]
        lines.append(f"  running   {', '.join(running) or 'nothing'}")
        if self.server:
            lines.append(f"  server    {_described(self.server)}")
        if self.deployed:
            labels = [f"{label} is {version}" for label, version in self.deployed.items()]
            lines.append(f"  labels    {', '.join(labels)}{self._drift()}")
        if self.running:
            lines += [f"  {name:<9} {address}" for name, address in self.addresses.items()]
        return "\n".join(lines)

    def _drift(self) -> str:
        if self.deployed.get(rollout.STABLE) == self.current:
            return ""
        return f", but release {self.current} is current; to mend it, run: fanout serve"


def status(config: Config) -> Status:
    """Returns the state of a model's build folder."""
    promoted = release.current(config)
    running = deploy.running(config)
    return Status(
        build=config.build.name,
        current=promoted.version if promoted else None,
        versions=release.versions(config),
        damage=promoted.damage() if promoted else [],
        running={name: process.pid for name, process in running.items()},
        addresses=deploy.addresses(config),
        server=_server(config, running.get(deploy.SERVER)),
        deployed=rollout.labels(config),
    )


def _server(config: Config, server: Server | None) -> dict[str, Any]:
    address = model_server.address_of(server) if server else None
    if server is None or address is None:
        return {}
    serves = embedded.available_versions(address, config.spec.name)
    found = {"engine": "embedded", "serves": serves, "healthy": bool(serves)}
    if isinstance(server, Container):
        found |= {"engine": server.engine, "image": server.image, "image_id": server.image_id}
    return found


def _described(server: dict[str, Any]) -> str:
    health = "healthy" if server["healthy"] else "does not answer"
    serves = f", serves {', '.join(map(str, server['serves']))}" if server["serves"] else ""
    image = f", {server['image']} ({server['image_id'][:19]})" if "image" in server else ""
    return f"{server['engine']}{image}: {health}{serves}"
