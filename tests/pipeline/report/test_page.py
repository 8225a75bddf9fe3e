import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.report import Facts, render
from web.checks.driver import run_script

# The driver's scripts are named relative to web/browser/.
OPEN = "../../tests/pipeline/report/open_report"


def test_what_is_missing_is_reported(bare: Facts) -> None:
    page = render(bare)
    for words in (
        "none was promoted before it",
        "history of this release no longer exists",
        "golden set of this release&#x27;s run no longer exists",
        "statistics of this release&#x27;s data no longer exist",
        "ML Metadata has no run of this release",
        "No differences were recorded for: mobile float32, LiteRT 2.3.0",
    ):
        assert words in page


def test_a_release_without_checks_is_not_called_good(bare: Facts) -> None:
    page = render(replace(bare, manifest={**bare.manifest, "checks": []}, evidence={}))
    assert "nothing was checked" in page
    assert "can be promoted" not in page


def test_text_from_elsewhere_is_escaped_once(full: Facts) -> None:
    page = render(full)
    assert "<b>no</b>" not in page
    assert "&lt;b&gt;no&lt;/b&gt; &amp; never" in page
    assert "&amp;amp;" not in page


def test_the_page_is_well_formed_and_names_only_itself(full: Facts) -> None:
    page = render(full)
    # Void elements are closed, so the page without its first line is also XML.
    root = ElementTree.fromstring(page.partition("\n")[2])  # noqa: S314 - our own text
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(href[1:] in ids for href in re.findall(r'href="([^"]*)"', page))
    assert not re.search(r"<(script|link|iframe)\b|https?://", page)
    for picture in root.iter("img"):
        assert picture.get("alt")
        assert picture.get("src", "").startswith("data:image/png;base64,")
    for table in root.iter("table"):
        assert table.find("caption") is not None
        assert {cell.get("scope") for cell in table.iter("th")} == {"col", "row"}
    for drawing in root.iter("svg"):
        assert drawing.get("aria-label") or drawing.get("aria-hidden") == "true"


def test_examples_that_disagree_are_shown_with_both_answers(full: Facts) -> None:
    page = render(full)
    assert "2 of 40 test examples." in page
    assert page.count("<img ") == 2
    shown = re.sub(r"<[^>]+>", " ", page)
    # Example 3 is a dress; the quantised answers were rolled by one class.
    assert re.search(r"Dress\s+· example 3\s+SavedModel\s+Dress 64.0%\s+mobile int8", shown)
    assert re.search(r"mobile int8 \(LiteRT 2.3.0\)\s+Coat 64.0%", shown)


@pytest.mark.browser
@pytest.mark.parametrize("known", ["bare", "full"])
def test_a_browser_opens_it_without_complaint(
    known: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(request.getfixturevalue(known)))
    answer = run_script(OPEN, {"file": str(file), "timeout": 240_000}, seconds=600)
    assert answer["problems"] == []
    assert answer["requests"] == [file.as_uri()]
    assert answer["headings"][0] == "Decision"


@pytest.mark.browser
def test_the_browser_reports_problems(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    body = '<div style="width:2000px">wide</div><img src="http://127.0.0.1:9/a.png">'
    file.write_text(f"<!doctype html><html><body>{body}</body></html>")
    answer = run_script(OPEN, {"file": str(file), "timeout": 240_000}, seconds=600)
    assert any(problem.startswith("image-alt: ") for problem in answer["problems"])
    assert any("too wide" in problem for problem in answer["problems"])
    assert any("another origin" in problem for problem in answer["problems"])
    assert "http://127.0.0.1:9/a.png" in answer["requests"]
