"""Makes the folder to copy to a Raspberry Pi.

``make deploy-pi`` makes it, copies it and tests it there. By hand:

    python -m mobile.raspberry_pi.bundle RELEASE FOLDER [--variant int8]
    scp -r FOLDER pi@raspberrypi.local:fanout

RELEASE is a release's folder, such as build/fashion/releases/current.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from core.errors import FanoutError, UserError
from core.files import sha256, write_text
from mobile.conversion.model_file import read

HERE = Path(__file__).resolve().parent
FILES = (
    "predict.py",
    "classify.py",
    "serve.py",
    *("answers.py", "drawings.py", "files.py", "model.py", "nearest.py", "pictures.py"),
    *("roles.py", "rows.py", "values.py"),
    "install.sh",
    "fanout-classify.service",
)
# In order of preference: the first that a release has is used by default.
VARIANTS = ("int8", "float16", "float32")


def bundle(model: Path, contract: Path, folder: Path) -> None:
    """Writes the folder: the model, its contract, the programs, and the model file's SHA-256.

    A model with an embedding also gets the embeddings of the release's examples, if the contract's
    folder has them.

    Raises:
        UserError: a file is missing, or the model is damaged.
    """
    read(model)
    if not contract.is_file():
        raise UserError(f"{contract} is missing; name a release's folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy2(HERE / name, folder / name)
    shutil.copy2(contract, folder / "contract.json")
    shutil.copy2(model, folder / model.name)
    expected = {"file": model.name, "sha256": sha256(model), "bytes": model.stat().st_size}
    write_text(folder / "model.json", json.dumps(expected, indent=1) + "\n")
    _copy_embeddings(contract, folder)


def _copy_embeddings(contract: Path, folder: Path) -> None:
    """Writes nearest.json: the examples' embeddings and true labels, without their inputs."""
    golden = contract.with_name("golden.json")
    outputs = json.loads(contract.read_text())["outputs"]
    names = [output["name"] for output in outputs if output.get("role") == "embedding"]
    if not names or not golden.is_file():
        return
    examples = [
        {
            "label": example["label"],
            "outputs": {name: example["outputs"][name] for name in names},
        }
        for example in json.loads(golden.read_text())["examples"]
    ]
    text = json.dumps({"examples": examples}, separators=(",", ":"))
    write_text(folder / "nearest.json", text + "\n")


def model_of(release: Path, variant: str | None = None) -> Path:
    """Returns a variant's file in a release; by default, the first existing one of ``VARIANTS``.

    Raises:
        UserError: the release has no such file; the message lists the existing variants.
    """
    files = {file.name.split(".")[-2]: file for file in (release / "mobile").glob("*.tflite")}
    wanted = [variant] if variant else VARIANTS
    for name in wanted:
        if name in files:
            return files[name]
    known = ", ".join(sorted(files)) or "none; name a release's folder"
    raise UserError(f"{release}/mobile has no {' or '.join(wanted)} model; it has: {known}")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Makes the folder to copy to a Raspberry Pi.")
    parser.add_argument("release", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--variant", help=f"default: the first in the release of {', '.join(VARIANTS)}"
    )
    options = parser.parse_args()
    try:
        model = model_of(options.release, options.variant)
        bundle(model, options.release / "contract.json", options.folder)
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"copy {options.folder} to the Raspberry Pi, then run its ./install.sh there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
