import json
from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from core.errors import UserError
from tests.web.conftest import SPEC
from web.checks.smoke import smoke
from web.server.site_server import serving

LIMITS = SPEC.limits["web"]["float32"]


def test_the_deployed_page_shows_the_golden_answers(site: Artifacts) -> None:
    with serving(site.folder) as url:
        [row] = smoke(url, site.folder / "golden.json", spec=SPEC, limits=LIMITS)
    assert row.status == "passed", row.reason
    assert row.examples == SPEC.golden_examples
    assert row.runtime.startswith("the page on wasm (Chromium ")


def test_a_page_of_another_release_fails(site: Artifacts, tmp_path: Path) -> None:
    document = json.loads((site.folder / "golden.json").read_text())
    for example in document["examples"]:
        example["outputs"]["probabilities"].reverse()
    (tmp_path / "golden.json").write_text(json.dumps(document))
    with serving(site.folder) as url:
        [row] = smoke(url, tmp_path / "golden.json", spec=SPEC, limits=LIMITS)
    assert row.status == "failed"
    assert "agreement" in row.reason and "not have the examples of the release" in row.reason


def test_no_server_is_a_failed_row(site: Artifacts) -> None:
    with serving(site.folder) as url:
        pass
    [row] = smoke(url, site.folder / "golden.json", spec=SPEC, limits=LIMITS)
    assert row.status == "failed"
    assert "the page does not open" in row.reason


@pytest.mark.parametrize("text", ["", "{}", '{"examples": []}', "[1]"])
def test_a_file_that_is_no_golden_set_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "golden.json").write_text(text)
    with pytest.raises(UserError, match=r"is not a release's golden\.json"):
        smoke("http://127.0.0.1:9/", tmp_path / "golden.json", spec=SPEC, limits=LIMITS)
