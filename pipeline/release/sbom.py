"""Bills of materials (CycloneDX 1.6, JSON) of the environments that made and checked a release.

They are made from the locks that the environments are installed from. Equal locks give equal files:
the files hold no time and no random number. Licences are those that the installed packages declare.
"""

import importlib.metadata
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.files import sha256
from core.toolchain import ROOT

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

_REQUIREMENTS = ROOT / "requirements"
_NPM_LOCK = ROOT / "web" / "package-lock.json"
_PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+))?")
_NAMESPACE = uuid.UUID("f6a9b1f0-5a0c-5f3e-9b51-6a2f8f3f7c11")
_LONGEST_LICENCE = 80  # some packages put the whole text into the field


@dataclass(frozen=True)
class _Environment:
    """A virtual environment and the lock that it is installed from."""

    folder: Path
    lock: Path


_ENVIRONMENTS = {
    "pipeline": _Environment(ROOT / ".venv", _REQUIREMENTS / "pipeline.lock"),
    "edge": _Environment(ROOT / ".venv-edge", _REQUIREMENTS / "edge.lock"),
    "web-converter": _Environment(
        ROOT / ".venv-web-converter", _REQUIREMENTS / "web-converter.lock"
    ),
    "tools": _Environment(ROOT / ".venv-tools", _REQUIREMENTS / "tools.lock"),
}


@cache
def documents(model: str) -> dict[str, str]:
    """Returns the text of each bill by its path in a release: ``sbom/<environment>.cdx.json``."""
    bills = {
        name: _document(model, name, environment.lock, _python_components(environment))
        for name, environment in _ENVIRONMENTS.items()
    }
    bills["node"] = _document(model, "node", _NPM_LOCK, _npm_components())
    return {f"sbom/{name}.cdx.json": text for name, text in bills.items()}


def _document(model: str, name: str, lock: Path, components: Iterable["Component"]) -> str:
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    digest = sha256(lock)
    bom = Bom(components=components, serial_number=uuid.uuid5(_NAMESPACE, f"{model} {digest}"))
    whole = Component(
        name=f"{model} {name} environment", type=ComponentType.APPLICATION, bom_ref="environment"
    )
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    bom.metadata.properties.add(Property(name=f"sha256:{lock.relative_to(ROOT)}", value=digest))
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    # The library adds the time at which it wrote the document.
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _python_components(environment: _Environment) -> Iterator["Component"]:
    from cyclonedx.model.component import Component
    from packageurl import PackageURL
    from packaging.markers import Marker

    licences = _installed_licences(environment.folder)
    for line in environment.lock.read_text().splitlines():
        pinned = _PINNED.match(line)
        # The locks cover all platforms; packages for other platforms are not installed.
        if pinned and (not pinned["marker"] or Marker(pinned["marker"].strip()).evaluate()):
            name, version = pinned["name"], pinned["version"]
            purl = PackageURL("pypi", name=_canonical(name), version=version)
            yield Component(
                name=name,
                version=version,
                purl=purl,
                bom_ref=str(purl),
                licenses=_licences(licences.get(_canonical(name), "")),
            )


def _npm_components() -> Iterator["Component"]:
    from base64 import b64decode

    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentScope
    from packageurl import PackageURL

    seen = set()
    packages = json.loads(_NPM_LOCK.read_text())["packages"]
    del packages[""]  # the project itself
    for path, entry in packages.items():
        scope, _, name = path.rpartition("node_modules/")[2].rpartition("/")
        purl = PackageURL("npm", scope or None, name, entry["version"])
        if purl in seen:
            continue
        seen.add(purl)
        hashes = []
        if entry.get("integrity", "").startswith("sha512-"):
            content = b64decode(entry["integrity"].removeprefix("sha512-")).hex()
            hashes.append(HashType(alg=HashAlgorithm.SHA_512, content=content))
        yield Component(
            name=name,
            group=scope or None,
            version=entry["version"],
            purl=purl,
            bom_ref=str(purl),
            hashes=hashes,
            # Packages that only build and test the page are not part of it.
            scope=ComponentScope.EXCLUDED if entry.get("dev") else ComponentScope.REQUIRED,
            licenses=_licences(entry.get("license", "")),
        )


def _installed_licences(folder: Path) -> dict[str, str]:
    places = [str(place) for place in sorted(folder.glob("lib/python3.*/site-packages"))]
    licences = {}
    for package in importlib.metadata.distributions(path=places):
        known = package.metadata
        classified = [
            value.rpartition(" :: ")[2]
            for value in known.get_all("Classifier") or ()
            if value.startswith("License :: ") and value != "License :: OSI Approved"
        ]
        licence = known["License-Expression"] or ", ".join(classified) or known["License"] or ""
        licences[_canonical(known["Name"])] = licence if len(licence) <= _LONGEST_LICENCE else ""
    return licences


def _licences(text: str) -> list[Any]:
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.spdx import fixup_id

    if not text or text == "UNKNOWN":
        return []
    known = fixup_id(text)
    return [DisjunctiveLicense(id=known) if known else DisjunctiveLicense(name=text)]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
