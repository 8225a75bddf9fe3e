"""Gets files out of Debian and Ubuntu packages without root and without installing anything.

apt works here on a private state (lists, cache, sources), so it neither reads nor changes the
machine's state. It uses the machine's mirror and the distribution's keyring. This module uses the
standard library only: the set-up runs it before any environment exists.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

APT = Path("/etc/apt")
_KEYRINGS = {
    "debian": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}
_COMPONENTS = {"debian": "main", "ubuntu": "main universe"}


class PackageError(Exception):
    """A package could not be fetched; the message says why."""


@dataclass(frozen=True)
class Distribution:
    """A distribution: its name, ``debian`` or ``ubuntu``, and the suite of its release."""

    name: str
    suite: str

    @classmethod
    def here(cls) -> "Distribution":
        """Returns this machine's distribution. Raises PackageError for others and without apt."""
        release = _os_release()
        name = release.get("ID", "unknown")
        if name not in _KEYRINGS or shutil.which("apt-get") is None:
            raise PackageError(
                "Debian or Ubuntu with apt-get is needed; this is "
                + release.get("PRETTY_NAME", name)
            )
        return cls(name, release.get("VERSION_CODENAME", ""))


def unpack(
    packages: list[str], suite: str, into: Path, *, work: Path, architecture: str | None = None
) -> None:
    """Downloads packages of a suite and unpacks them below ``into``.

    Args:
        packages: the names of the packages.
        suite: the release to take them from, such as ``trixie``.
        into: the folder to unpack into.
        work: a folder for apt's private state; its contents are reused.
        architecture: the architecture of another kind of machine, such as ``arm64``. This machine
            has no packages for it, so the packages then come with all their dependencies.

    Raises:
        PackageError: there is no mirror or no network, a package is unknown, or a signature is
            wrong.
    """
    distribution = Distribution.here()
    work = work.resolve()
    for folder in ("state/lists/partial", "cache/archives/partial", "packages"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    keyring = _KEYRINGS[distribution.name]
    (work / "sources.list").write_text(
        f"deb [signed-by={keyring}] {_mirror(distribution)} {suite} "
        f"{_COMPONENTS[distribution.name]}\n"
    )
    options = [
        f"-oDir::State={work}/state",
        f"-oDir::State::status={work}/state/status",
        f"-oDir::Cache={work}/cache",
        f"-oDir::Etc::sourcelist={work}/sources.list",
        "-oDir::Etc::sourceparts=-",
        "-oAcquire::Languages=none",
        "-oAcquire::Retries=3",
        "-oAPT::Sandbox::User=",
    ]
    if architecture is not None:
        options += [
            f"-oAPT::Architecture={architecture}",
            f"-oAPT::Architectures={architecture}",
            f"-oDir::Cache::archives={work}/packages",
            "-oDebug::NoLocking=true",
        ]
        (work / "packages/partial").mkdir(exist_ok=True)
    (work / "state/status").touch()
    _run(["apt-get", *options, "-qq", "update"], cwd=work)
    for stale in (work / "packages").glob("*.deb"):
        stale.unlink()
    if architecture is None:
        _run(["apt-get", *options, "-qq", "download", *packages], cwd=work / "packages")
    else:
        # Nothing counts as installed in this private state, so apt fetches every dependency.
        install = ["install", "--download-only", "--no-install-recommends", *packages]
        _run(["apt-get", *options, "-qq", "--yes", *install], cwd=work)
    into.mkdir(parents=True, exist_ok=True)
    for archive in sorted((work / "packages").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(into)], cwd=work)
        archive.unlink()


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key: value.strip('"') for key, value in pairs}


def _mirror(distribution: Distribution) -> str:
    """Returns the address of the archive that this machine's apt uses."""
    for address in _configured_addresses():
        path = urlsplit(address).path.rstrip("/")
        if path.endswith(f"/{distribution.name}"):
            return address
    raise PackageError(
        f"no mirror of {distribution.name} is named in /etc/apt/sources.list or sources.list.d"
    )


def _configured_addresses() -> list[str]:
    files = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
    addresses: list[str] = []
    for file in files:
        if not file.is_file():
            continue
        for line in file.read_text(errors="replace").splitlines():
            words = line.split()
            if words[:1] == ["URIs:"] or words[:1] == ["deb"]:
                addresses += [word for word in words[1:] if "://" in word]
    return addresses


def _run(command: list[str], *, cwd: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()
        raise PackageError(f"{' '.join(command[:1] + command[-2:])}: {' '.join(reason[-3:])}")
