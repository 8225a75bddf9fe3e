import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipeline.release import sbom

ENVIRONMENTS = ("pipeline", "edge", "web-converter", "tools", "node")


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    return sbom.documents("fashion")


def names(text: str) -> dict[str, str]:
    return {part["name"]: part["version"] for part in json.loads(text)["components"]}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_it_is_cyclonedx_by_the_standards_own_schema(documents: dict[str, str], name: str) -> None:
    text = documents[f"sbom/{name}.cdx.json"]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    assert components
    assert all(part["purl"].startswith(("pkg:pypi/", "pkg:npm/")) for part in components)


def test_it_lists_what_is_installed(documents: dict[str, str]) -> None:
    from importlib.metadata import version

    pipeline = names(documents["sbom/pipeline.cdx.json"])
    for package in ("tfx", "tensorflow", "keras", "numpy", "model-signing"):
        assert pipeline[package] == version(package)
    assert "tflite-runtime" in names(documents["sbom/edge.cdx.json"])
    assert "tensorflowjs" in names(documents["sbom/web-converter.cdx.json"])
    node = {
        part["purl"]: part for part in json.loads(documents["sbom/node.cdx.json"])["components"]
    }
    core = next(part for purl, part in node.items() if "%40tensorflow/tfjs-core" in purl)
    assert core["scope"] == "required" and core["hashes"][0]["alg"] == "SHA-512"
    assert core["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    builder = next(part for purl, part in node.items() if purl.startswith("pkg:npm/vite@"))
    assert builder["scope"] == "excluded"


def test_equal_locks_make_equal_bills(documents: dict[str, str]) -> None:
    sbom.documents.cache_clear()
    again = sbom.documents("fashion")
    assert again == documents
    assert not any("timestamp" in text for text in again.values())
