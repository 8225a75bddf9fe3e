"""Copies the model and its programs to a Raspberry Pi over ssh and tests them there.

    make deploy-pi HOST=pi@raspberrypi.local [VARIANT=int8] [SERVICE=1]
    python -m pipeline.commands.deploy_pi --host pi@… [--release R] [--variant V] [--folder F]

The files are copied with tar over ssh and installed with install.sh. Then the Pi answers the
release's golden examples; its answers must agree with the SavedModel's within the limits of the
model's spec. All steps share one connection, so ssh asks for a password at most once.
"""

import argparse
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.agreement.checks import FAILED, Check, compare, failure, for_few
from core.agreement.golden import Golden, read_golden
from core.errors import FanoutError, UserError
from mobile.raspberry_pi.bundle import bundle, model_of
from models.spec import ModelSpec, load
from pipeline.commands.table import print_checks
from pipeline.release.release import current_folder
from pipeline.settings.config import Config

SMOKE = "smoke"
# A first installation fetches packages over the Pi's own network connection.
_INSTALL_S, _STEP_S = 1800, 300
_HOST = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*")


class DeployError(FanoutError):
    """The Raspberry Pi cannot be reached, or a step failed there; the message has its last line."""


@dataclass(frozen=True)
class Pi:
    """A Raspberry Pi that is reachable by ssh.

    Attributes:
        host: ssh's destination, such as ``pi@raspberrypi.local``.
        options: the options of every ssh command.
    """

    host: str
    options: tuple[str, ...]

    def run(self, command: str, *, stdin: bytes = b"", timeout: int = _STEP_S) -> str:
        """Returns the output of a shell command on the Pi.

        Raises:
            UserError: ssh is not installed.
            DeployError: the Pi cannot be reached, the command fails, or it takes too long.
        """
        try:
            done = subprocess.run(
                ["ssh", *self.options, "--", self.host, command],
                check=False,
                input=stdin,
                capture_output=True,
                timeout=timeout,
            )
        except FileNotFoundError:
            raise UserError("ssh is not installed here; run: apt install openssh-client") from None
        except subprocess.TimeoutExpired:
            raise DeployError(f"{self.host} took longer than {timeout} s") from None
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            what = "cannot be reached" if done.returncode == 255 else "failed there"
            raise DeployError(f"{self.host} {what}: {lines[-1]}")
        return done.stdout.decode(errors="replace")


@contextmanager
def connected(host: str, config: Path | None = None) -> Iterator[Pi]:
    """Yields the Pi, over a connection that all commands share.

    Args:
        config: an ssh configuration file that replaces the user's.

    Raises:
        UserError: ``host`` is not a host name.
    """
    if not _HOST.fullmatch(host):
        raise UserError(f"HOST must be like pi@raspberrypi.local, got {host!r}")
    with tempfile.TemporaryDirectory(prefix="pi-") as folder:
        shared = ["-oControlMaster=auto", f"-oControlPath={folder}/s", "-oControlPersist=60"]
        options = [*(["-F", str(config)] if config else []), *shared, "-oConnectTimeout=15"]
        try:
            yield Pi(host, tuple(options))
        finally:
            command = ["ssh", *options, "-O", "exit", "--", host]
            subprocess.run(command, check=False, capture_output=True, timeout=_STEP_S)


def deploy(pi: Pi, release: Path, *, variant: str | None, folder: str, service: bool) -> Check:
    """Installs a release on the Pi, and returns the row of its answers to the golden examples.

    Args:
        variant: the variant to copy; None takes the release's first of ``bundle.VARIANTS``.
        folder: the folder on the Pi, relative to the home folder.
        service: whether the Pi serves the model after every boot.

    Raises:
        UserError: the release has no such variant.
        DeployError: a step failed.
    """
    spec = load(json.loads((release / "contract.json").read_text())["model"])
    chosen = model_of(release, variant).name.split(".")[-2]
    limits = spec.limits.get("mobile", {}).get(chosen)
    if limits is None:
        raise UserError(f"the limits of model {spec.name!r} name no mobile variant {chosen!r} now")
    golden = read_golden(release / "golden.json", spec)
    place = shlex.quote(folder)
    packed = _packed(release, chosen, spec, golden)
    pi.run(f"mkdir -p {place} && tar -xzf - -C {place}", stdin=packed)
    pi.run(f"cd {place} && ./install.sh{' --service' if service else ''}", timeout=_INSTALL_S)
    printed = pi.run(f"cd {place} && ./python predict.py {SMOKE} --json && rm -r {SMOKE}")
    limits = for_few(limits, len(golden))
    answers = [json.loads(line) for line in printed.splitlines()]
    times = [answer["ms"] for answer in answers]
    p50_ms = float(np.median(times)) if times else None
    row = Check("mobile", chosen, pi.host, FAILED, p50_ms=p50_ms)
    if len(answers) != len(golden):
        return failure(row, f"{len(answers)} answers to {len(golden)} examples", limits=limits)
    outputs = {
        output.name: np.array([answer["outputs"][output.name] for answer in answers])
        for output in spec.outputs
    }
    return compare(outputs, golden, limits, row=row)


def _packed(release: Path, variant: str, spec: ModelSpec, golden: Golden) -> bytes:
    """Returns the folder for the Pi, with the golden examples as files, as a .tar.gz file."""
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="pi-bundle-") as temporary:
        folder = Path(temporary)
        bundle(model_of(release, variant), release / "contract.json", folder)
        (folder / SMOKE).mkdir()
        if [tensor.kind for tensor in spec.inputs] == ["image"]:
            for row, image in enumerate(golden.inputs[spec.inputs[0].name]):
                np.save(folder / SMOKE / f"{row:04}.npy", image)
        else:
            shutil.copy2(release / "golden.json", folder / SMOKE)
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            archive.add(folder, ".", filter=_of_nobody)
    return stream.getvalue()


def _of_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    if entry.name == ".":
        entry.mode = 0o755
    return entry


def main() -> int:
    """Runs the command, and returns the exit code."""
    from rich.console import Console

    environment = os.environ.get
    parser = argparse.ArgumentParser(description="Copies the model to a Raspberry Pi.")
    parser.add_argument("--host", default=environment("HOST", ""))
    parser.add_argument(
        "--release", type=Path, help="a release's folder; default: the current one's"
    )
    parser.add_argument("--variant", default=environment("VARIANT"))
    parser.add_argument("--folder", default=environment("FOLDER") or "fanout")
    parser.add_argument("--service", action="store_true", default=environment("SERVICE") == "1")
    parser.add_argument("--ssh-config", type=Path, help="replaces the user's ssh configuration")
    options = parser.parse_args()
    try:
        if not options.host:
            raise UserError("name the Raspberry Pi: make deploy-pi HOST=pi@raspberrypi.local")
        release = options.release or current_folder(Config.named_by_environment().build)
        with connected(options.host, options.ssh_config) as pi:
            row = deploy(
                pi,
                release,
                variant=options.variant,
                folder=options.folder,
                service=options.service,
            )
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print_checks(Console(), [row], title="On the Raspberry Pi")
    return 1 if row.stops_release else 0


if __name__ == "__main__":
    sys.exit(main())
