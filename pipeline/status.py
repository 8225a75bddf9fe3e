"""``fanout status``: which release is current, whether its files are whole, what runs."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline import deploy, release
from pipeline.config import Config


@dataclass(frozen=True)
class Status:
    """What is true of a build folder now.

    Attributes:
        build: the folder's name.
        current: the promoted version, or None.
        versions: the releases on disk.
        damage: what differs from the current release's manifest.
        running: process ids by name.
        addresses: where what runs answers.
    """

    build: str
    current: int | None
    versions: list[int]
    damage: list[str]
    running: dict[str, int]
    addresses: dict[str, str]

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
        if self.running:
            lines += [f"  {name:<9} {address}" for name, address in self.addresses.items()]
        return "\n".join(lines)


def status(config: Config) -> Status:
    """Returns the state of a model's build folder."""
    promoted = release.current(config)
    return Status(
        build=config.build.name,
        current=promoted.version if promoted else None,
        versions=release.versions(config),
        damage=promoted.damage() if promoted else [],
        running={name: process.pid for name, process in deploy.running(config).items()},
        addresses=deploy.addresses(config),
    )
