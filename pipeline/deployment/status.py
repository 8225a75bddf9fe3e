"""``fanout status``: the promoted release, its integrity, the running servers and their answers."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from core.errors import UserError
from pipeline.deployment import model_server, rollout, servers, supervision
from pipeline.deployment.answers import Answer, ask_page, ask_server, drift
from pipeline.deployment.model_server import Server
from pipeline.release import release
from pipeline.release import signature as trust
from pipeline.release.release import Release
from pipeline.settings import lock, tuned
from pipeline.settings.config import Config
from serving.container.container import Container


@dataclass(frozen=True)
class Status:
    """The state of a build folder.

    Attributes:
        build: the folder's name.
        current: the promoted version, or None.
        versions: the releases on disk.
        damage: what differs from the checksums of the current release and of all deployed ones.
        signature: the state of the current release's signature.
        rollback: the version that a rollback would go to, or None.
        working: the process that works on the folder, or None.
        running: process ids by name; for a supervised server, of the process that serves.
        answers: the versions that each running server actually answers with.
        labels: the version of each label that the model server reports.
        deployed: the version of each label in the server's configuration.
        server: the model server's engine, its image and that image's digest, whether it is
            healthy, its supervisor's process id and its restarts; empty if it does not run.
        tuned: the hyperparameters that the next run takes from ``fanout tune``, or why it takes
            none.
        addresses: the addresses of the servers.
        problems: everything that is wrong, one sentence each.
    """

    build: str
    current: int | None = None
    versions: list[int] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    signature: str = ""
    rollback: int | None = None
    working: str | None = None
    running: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    deployed: dict[str, int] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    tuned: str = ""
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
            f"  files     {'; '.join(self.damage) or 'match the manifest'}",
        ]
        if self.current is not None:
            lines.append(f"  signature {self.signature}")
            back = "nothing" if self.rollback is None else f"release {self.rollback}"
            lines.append(f"  rollback  goes to {back}")
        if self.tuned:
            lines.append(f"  tuned     {self.tuned}")
        if self.working:
            lines.append(f"  working   {self.working}")
        running = [
            f"{name} ({self._served(name)}, process {pid}{self._supervised(name)})"
            for name, pid in self.running.items()
        ]
        lines.append(f"  running   {', '.join(running) or 'nothing'}")
        if self.server:
            lines.append(f"  server    {_described(self.server)}")
        if self.deployed:
            labels = [f"{label} is {version}" for label, version in self.deployed.items()]
            lines.append(f"  labels    {', '.join(labels)}")
        lines += [
            f"  {name:<9} {address}"
            for name, address in self.addresses.items()
            if (servers.PAGE if name == servers.PAGE else servers.SERVER) in self.running
        ]
        lines += [f"  problem   {problem}" for problem in self.problems]
        return "\n".join(lines)

    def _served(self, name: str) -> str:
        versions = self.answers.get(name)
        return f"release {', '.join(map(str, versions))}" if versions else "no answer"

    def _supervised(self, name: str) -> str:
        pid = self.server.get("supervisor") if name == servers.SERVER else None
        return f", supervised by process {pid}" if pid else ""


def status(config: Config) -> Status:
    """Returns the state of a model's build folder; problems are reported, never raised."""
    problems: list[str] = []
    now = release.current_version(config.build)
    promoted = _opened(config, now, problems)
    try:
        labels = rollout.labels(config)
    except UserError as error:
        labels = {}
        problems.append(str(error))
    damage = promoted.damage() if promoted else []
    for version in sorted({*labels.values()}):
        opened = promoted if version == now else _opened(config, version, problems)
        if opened and version != now:
            damage += [f"release {version}: {words}" for words in opened.damage()]
        problems += drift(config, opened) if opened else []
    if promoted and promoted.stopped_by:
        problems.append(f"release {now} is current although its required checks did not pass")
    running = servers.running(config)
    answers = _ask(config, running, promoted, tuple(labels))
    problems += [
        words
        for name in (servers.SERVER, servers.PAGE)
        if name not in running and (words := supervision.gone(name, config.build.run_folder))
    ]
    problems += _wrong(answers, now, labels)
    working = lock.owner(config.build.folder)
    if working is None:
        problems += _left_over(answers, labels)
    server, serving = running.get(servers.SERVER), None
    if server is not None:
        serving = supervision.serving_process(server)
    signature = trust.state(config.trust, promoted.folder) if promoted else ""
    if promoted and (reason := trust.problem(config.trust, promoted.folder)):
        problems.append(f"release {now}: {reason}")
    return Status(
        build=config.build.name,
        current=now,
        versions=release.versions(config.build),
        damage=damage,
        signature=signature,
        rollback=_rollback(config, problems),
        working=str(working) if working else None,
        running={name: process.pid for name, process in running.items()}
        | ({servers.SERVER: serving} if serving else {}),
        answers={name: list(answer.versions) for name, answer in answers.items()},
        labels=dict(answers[servers.SERVER].labels or {}) if servers.SERVER in answers else {},
        deployed=labels,
        tuned=_tuned(config, problems),
        server=_server(server, answers.get(servers.SERVER, Answer()), serving),
        addresses=servers.addresses(config),
        problems=[*damage, *problems],
    )


def _tuned(config: Config, problems: list[str]) -> str:
    try:
        best = tuned.read(config.build.folder)
    except UserError as error:
        problems.append(str(error))
        return ""
    if best is None:
        return ""
    return str(best if config.tuned else "not used: the profile's hyperparameters changed since")


def _opened(config: Config, version: int | None, problems: list[str]) -> Release | None:
    link = config.build.current
    if version is None:
        if link.is_symlink() or link.exists():
            problems.append(f"{link} does not point to a release")
        return None
    try:
        return Release.open(config.build.releases / str(version))
    except UserError as error:
        problems.append(str(error))
        return None


def _ask(
    config: Config, running: dict[str, Server], promoted: Release | None, labels: tuple[str, ...]
) -> dict[str, Answer]:
    where = servers.addresses(config)
    answers = {}
    if servers.SERVER in running:
        # The server's actual address, whatever ports are configured now.
        address = model_server.address_of(running[servers.SERVER]).rest
        answer = ask_server(address, config.spec.name, labels)
        if not answer.versions:
            said = supervision.last_words(running[servers.SERVER])
            answer = replace(answer, problem=f"{answer.problem}; the end of its log: {said}")
        answers[servers.SERVER] = answer
    if servers.PAGE in running:
        listed = promoted.manifest["files"] if promoted else {}
        answers[servers.PAGE] = (
            ask_page(where[servers.PAGE], listed)
            if servers.PAGE in where
            else Answer(
                problem="the current release has none; to end its server, run: fanout serve"
            )
        )
    return answers


def _wrong(answers: dict[str, Answer], now: int | None, labels: dict[str, int]) -> list[str]:
    """Returns the servers that do not answer as they should."""
    problems = [f"{name}: {answer.problem}" for name, answer in answers.items() if answer.problem]
    for name, answer in answers.items():
        if answer.versions and now not in answer.versions:
            served = ", ".join(map(str, answer.versions))
            problems.append(f"{name} answers with release {served}, and release {now} is current")
    stable = labels.get(rollout.STABLE, now)
    if stable != now:
        problems.append(
            f"release {stable} is deployed and release {now} is current; "
            "to fix it, run: fanout serve"
        )
    server = answers.get(servers.SERVER, Answer())
    problems += [
        f"release {version} does not load: {why}"
        for version, why in server.failed.items()
        if version in labels.values()
    ]
    for label, version in labels.items():
        if server.labels and server.labels.get(label, version) != version:
            problems.append(f"{label} is release {server.labels[label]} and should be {version}")
    return problems


def _left_over(answers: dict[str, Answer], labels: dict[str, int]) -> list[str]:
    """Returns versions that a killed command left loaded; they may answer versionless requests."""
    loaded = {*answers.get(servers.SERVER, Answer()).versions}
    return [
        f"{servers.SERVER} also answers with release {version}, which is not deployed; "
        "to fix it, run: fanout serve"
        for version in sorted(loaded - {*labels.values()})
        if labels
    ]


def _server(server: Server | None, answer: Answer, serving: int | None) -> dict[str, Any]:
    if server is None:
        return {}
    state = {"engine": "embedded", "healthy": bool(answer.versions)}
    if isinstance(server, Container):
        state |= {"engine": server.engine, "image": server.image, "image_id": server.image_id}
    if serving:
        state |= {"supervisor": server.pid}
    if restarts := supervision.restarts(model_server.address_of(server)):
        state |= {"restarts": asdict(restarts), "restarted": str(restarts)}
    return state


def _described(server: dict[str, Any]) -> str:
    image = f", {server['image']} ({server['image_id'][:19]})" if "image" in server else ""
    health = "healthy" if server["healthy"] else "not healthy"
    restarted = f", {server['restarted']}" if server.get("restarts", {}).get("count") else ""
    return f"{server['engine']}{image}, {health}{restarted}"


def _rollback(config: Config, problems: list[str]) -> int | None:
    try:
        return release.rollback_version(config.build)
    except UserError as error:
        problems.append(str(error))
        return None
