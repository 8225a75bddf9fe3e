"""A real sshd on this machine's loopback, with keys of its own, for a home folder of its own.

sshd comes from the distribution's package, unpacked below build/ without root. Run by root it wants
a system user and a folder in /run that only its installation makes: it gets both in a mount
namespace of its own, so the machine's stay as they are.
"""

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.toolchain import ROOT
from models.sources import debian

CACHE = ROOT / "build" / "tests" / "sshd"
_AS_ROOT = """set -e
mount --make-rprivate /
mount --bind "$1" /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
shift
exec "$@"
"""


@contextmanager
def ssh_server(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yields the configuration with which ssh reaches it under the name ``pi``.

    Args:
        folder: an empty folder for keys, configuration and the log.
        environment: of every command that it runs.
    """
    if shutil.which("ssh") is None:
        pytest.skip("ssh is not installed here; run: apt install openssh-client")
    sshd = _sshd()
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "SetEnv " + " ".join(f'{name}="{value}"' for name, value in environment.items()) + "\n"
    )
    public = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    (folder / "ssh_config").write_text(
        f"Host pi\nHostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}\n"
        f"IdentityFile {folder}/user\nIdentitiesOnly yes\nBatchMode yes\n"
        f"UserKnownHostsFile {folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
    )
    command = [str(sshd), "-D", "-e", "-f", str(folder / "sshd_config")]
    if os.getuid() == 0:
        command = _in_a_namespace(folder, command)
    with (folder / "log").open("w") as log:
        libraries = ":".join(str(path) for path in CACHE.glob("root/usr/lib/*-linux-gnu"))
        process = subprocess.Popen(
            command, stderr=log, env={**os.environ, "LD_LIBRARY_PATH": libraries}
        )
        try:
            _wait_for(port, process, folder / "log")
            yield folder / "ssh_config"
        finally:
            process.terminate()
            process.wait()


def _sshd() -> Path:
    """Returns the server's path, unpacked once; skips, with the reason, without one."""
    sshd = CACHE / "root/usr/sbin/sshd"
    if not (CACHE / "made").exists():
        try:
            suite = debian.Distribution.here().suite
            packages = ["openssh-server", "openssh-sftp-server", "libwrap0"]
            debian.unpack(packages, suite, CACHE / "root", work=CACHE.parent / f"apt-{suite}")
        except debian.PackageError as error:
            pytest.skip(f"no sshd can be had here: {error}")
        (CACHE / "made").touch()
    return sshd


def _in_a_namespace(folder: Path, command: list[str]) -> list[str]:
    passwd = folder / "passwd"
    home = folder / "home"
    home.mkdir()
    others = [line for line in Path("/etc/passwd").read_text().splitlines() if ":0:0:" not in line]
    lines = [f"root:x:0:0:root:{home}:/bin/sh", *others]
    if not any(line.startswith("sshd:") for line in others):
        lines.append("sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin")
    passwd.write_text("\n".join(lines) + "\n")
    wrapped = ["unshare", "--mount", "sh", "-c", _AS_ROOT, "sh", str(passwd), *command]
    tried = subprocess.run(
        ["unshare", "--mount", "true"], check=False, capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"sshd cannot be run by root here: {shlex.join(wrapped[:2])}: {tried.stderr}")
    return wrapped


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    pytest.skip(f"sshd does not start here: {log.read_text().strip()[-300:]}")
