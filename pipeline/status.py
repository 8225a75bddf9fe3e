"""``fanout status``: what is promoted, whether it is whole, what runs and what it answers with."""

from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline import deploy, deployed, lock, release, trust
from pipeline.config import Config
from pipeline.deployed import Answer
from pipeline.errors import UserError
from pipeline.model_server import Server
from pipeline.release import Release
from serving.container.container import Container


@dataclass(frozen=True)
class Status:
    """What is true of a build folder now.

    Attributes:
        build: the folder's name.
        current: the promoted version, or None.
        versions: the releases on disk.
        damage: what differs from the checksums of the current release and of all deployed ones.
        signature: of the current release.
        rollback: where a rollback would go, or None.
        working: who works on the folder, or None.
        running: process ids by name.
        server: the model server's engine, its image and that image's digest, and whether it is
            healthy; empty when it does not run.
        answers: the versions that each of what runs really answers with.
        labels: the version behind each label of the model server.
        addresses: where what runs answers.
        problems: all that is not as it should be, one sentence each.
    """

    build: str
    current: int | None = None
    versions: list[int] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    signature: str = ""
    rollback: int | None = None
    working: str | None = None
    running: dict[str, int] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        lines = [
            f"{self.build}: release {self.current} is current"
            if self.current is not None
            else f"{self.build}: nothing is promoted",
            f"  releases  {', '.join(map(str, self.versions)) or 'none'}",
            f"  files     {'; '.join(self.damage) or 'as in the manifest'}",
        ]
        if self.current is not None:
            lines.append(f"  signature {self.signature}")
            back = "nothing" if self.rollback is None else f"release {self.rollback}"
            lines.append(f"  rollback  goes to {back}")
        if self.working:
            lines.append(f"  working   {self.working}")
        running = [
            f"{name} ({self._served(name)}, process {pid})" for name, pid in self.running.items()
        ]
        lines.append(f"  running   {', '.join(running) or 'nothing'}")
        if self.server:
            lines.append(f"  server    {_described(self.server)}")
        if self.labels:
            labels = [f"{label} = {version}" for label, version in self.labels.items()]
            lines.append(f"  labels    {', '.join(labels)}")
        if self.running:
            lines += [f"  {name:<9} {address}" for name, address in self.addresses.items()]
        lines += [f"  problem   {problem}" for problem in self.problems]
        return "\n".join(lines)

    def _served(self, name: str) -> str:
        versions = self.answers.get(name)
        return f"release {', '.join(map(str, versions))}" if versions else "no answer"


def status(config: Config) -> Status:
    """Returns the state of a model's build folder; whatever is broken is said, never raised."""
    problems: list[str] = []
    now = release.current_version(config)
    promoted = _opened(config, now, problems)
    try:
        versions_by_label = deployed.deployed_versions(config)
    except UserError as error:
        versions_by_label = {}
        problems.append(str(error))
    damage = promoted.damage() if promoted else []
    for version in set(versions_by_label) - {now}:
        other = _opened(config, version, problems)
        damage += [f"release {version}: {words}" for words in other.damage()] if other else []
    if promoted and promoted.stopped_by:
        problems.append(f"release {now} is current although its required checks did not pass")
    servers = deploy.running(config)
    running = {name: server.pid for name, server in servers.items()}
    answers = _ask(config, running, promoted, tuple(versions_by_label.values()))
    problems += _wrong(answers, now, versions_by_label)
    signature = trust.state(config.trust, promoted.folder) if promoted else ""
    if promoted and (reason := trust.problem(config.trust, promoted.folder)):
        problems.append(f"release {now}: {reason}")
    working = lock.owner(config.build)
    return Status(
        build=config.build.name,
        current=now,
        versions=release.versions(config),
        damage=damage,
        signature=signature,
        rollback=_rollback(config, problems),
        working=str(working) if working else None,
        running=running,
        server=_server(servers.get(deploy.SERVER), answers.get(deploy.SERVER, Answer())),
        answers={name: list(answer.versions) for name, answer in answers.items()},
        labels=dict(answers[deploy.SERVER].labels or {}) if deploy.SERVER in answers else {},
        addresses=deploy.addresses(config),
        problems=[*damage, *problems],
    )


def _server(server: Server | None, answer: Answer) -> dict[str, Any]:
    if server is None:
        return {}
    found = {"engine": "embedded", "healthy": bool(answer.versions)}
    if isinstance(server, Container):
        found |= {"engine": server.engine, "image": server.image, "image_id": server.image_id}
    return found


def _described(server: dict[str, Any]) -> str:
    image = f", {server['image']} ({server['image_id'][:19]})" if "image" in server else ""
    health = "healthy" if server["healthy"] else "not healthy"
    return f"{server['engine']}{image}, {health}"


def _opened(config: Config, version: int | None, problems: list[str]) -> Release | None:
    link = config.releases / release.CURRENT
    if version is None:
        if link.is_symlink() or link.exists():
            problems.append(f"{link} does not point at a release")
        return None
    try:
        return Release.open(config.releases / str(version))
    except UserError as error:
        problems.append(str(error))
        return None


def _ask(
    config: Config, running: dict[str, int], promoted: Release | None, labels: tuple[str, ...]
) -> dict[str, Answer]:
    where = deploy.addresses(config)
    answers = {}
    if deploy.SERVER in running:
        known = tuple(label for label in labels if " " not in label)
        answers[deploy.SERVER] = deployed.ask_server(where["REST"], config.spec.name, known)
    if deploy.PAGE in running:
        listed = promoted.manifest["files"] if promoted else {}
        answers[deploy.PAGE] = deployed.ask_page(where["page"], listed)
    return answers


def _wrong(
    answers: dict[str, Answer], now: int | None, versions_by_label: dict[int, str]
) -> list[str]:
    """Returns what answers otherwise than it should."""
    found = [f"{name}: {answer.problem}" for name, answer in answers.items() if answer.problem]
    for name, answer in answers.items():
        if answer.versions and now not in answer.versions:
            said = ", ".join(map(str, answer.versions))
            found.append(
                f"{name} answers with release {said}, and release {now} is current; "
                "to mend it, run: fanout serve"
            )
    server = answers.get(deploy.SERVER, Answer())
    for version, label in versions_by_label.items():
        if server.labels and server.labels.get(label, version) != version:
            found.append(f"{label} is release {server.labels[label]} and should be {version}")
    return found


def _rollback(config: Config, problems: list[str]) -> int | None:
    try:
        return release.rollback_version(config)
    except UserError as error:
        problems.append(str(error))
        return None
