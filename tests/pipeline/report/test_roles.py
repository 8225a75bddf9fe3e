"""The report of a model of each role."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.release.release import Release
from pipeline.report import Facts, render
from pipeline.report.gates import verdicts
from tests.pipeline.report.roles import ROLES, facts_of
from tests.pipeline.report.test_page import OPEN
from web.checks.driver import run_script

SHOWN = {
    "classification": ("Accuracy", "Confusion matrix, 40 test examples", "cat taken for dog"),
    "binary": ("Accuracy", "not ill taken for ill", "ROC curve, area 0.", "threshold 0.5"),
    "multi_label": ("Accuracy", "Each label on 40 test examples", "&lt;ripe&gt;", "AUC"),
    "regression": ("R²", "MAE", " °C<", "Predicted and true on 40 test examples", "true, °C"),
    "segmentation": ("Mean IoU", "Intersection over union of each class", "road", "fewest right"),
    "detection": ("mAP", "Of these found", "most boxes that are missed", 'class="box s2"'),
    "embedding": ("its answers have none", "No score is defined"),
    "tensor": ("its answers have none", "No score is defined"),
    "several": ("<h3>kind</h3>", "<h3>heat</h3>", "<h3>vector</h3>", "accuracy of kind of at"),
}  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_drawn_in_its_own_way(role: str, bare: Facts) -> None:
    page = render(facts_of(role, bare))
    assert [words for words in SHOWN[role] if words not in page] == []
    root = ElementTree.fromstring(page.partition("\n")[2])  # noqa: S314 - our own text
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for picture in root.iter("img"):
        assert picture.get("alt")
    # In a table of a model without accuracy, no column is called that.
    headings = {cell.text for cell in root.iter("th") if cell.get("scope") == "col"}
    score = {"classification": "Accuracy", "binary": "Accuracy", "multi_label": "Accuracy"}
    score |= dict.fromkeys(("regression", "segmentation", "detection"), "Score")
    assert headings & {"Accuracy", "Score"} >= {*filter(None, [score.get(role)])}
    if role in ("embedding", "tensor"):
        assert "ccuracy" not in page


@pytest.mark.browser
@pytest.mark.parametrize("role", ROLES)
def test_a_browser_opens_it_without_complaint(role: str, bare: Facts, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(facts_of(role, bare)))
    answer = run_script(OPEN, {"file": str(file), "timeout": 240_000}, seconds=600)
    assert answer["problems"] == []
    assert answer["requests"] == [file.as_uri()]


@pytest.mark.parametrize("role", ["classification", "regression"])
def test_made_up_inputs_are_never_called_examples_of_quality(role: str, bare: Facts) -> None:
    facts = facts_of(role, bare)
    metrics = {**facts.manifest["metrics"], "made_up": True}
    page = render(replace(facts, manifest={**facts.manifest, "metrics": metrics}))
    text = re.sub(r"(?s)<style>.*?</style>|<[^>]+>", " ", page)
    for words in ("test example", "held-out", "test split", "wrong", "onfusion", "ccuracy"):
        assert words not in text, words
    assert "made up" in text
    assert "Made-up inputs" in text
    assert "the SavedModel&#x27;s own answers" in text


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ({"test_split": "sha256:3"}, "release 1 was measured on other test examples"),
        ({"test_split": None}, "release 1 does not say which test examples it was measured on"),
        (
            {"metric": "accuracy", "accuracy": 0.9},
            "release 1 has the score accuracy, this one has R²",
        ),
        ({"metric": "", "score": None}, "release 1 has no score, this one has R²"),
        ({"made_up": True}, "made-up inputs tell nothing of how good a model is"),
    ],
)
def test_the_release_before_is_compared_on_the_same_examples_or_not_at_all(
    before: dict[str, object], reason: str, bare: Facts, tmp_path: Path
) -> None:
    facts = facts_of("regression", bare)
    now = facts.manifest["metrics"]
    parent = Release(
        tmp_path / "1", {**facts.manifest, "version": 1, "metrics": {**now, "score": 0.5}}
    )
    compared = render(replace(facts, parent=parent))
    assert re.search(r"\+0\.\d{4} to release 1", compared)
    assert "R² on the test split" in compared
    assert "Agreement, release 1" in compared

    other = replace(parent, manifest={**parent.manifest, "metrics": {**now, **before}})
    facts = replace(facts, parent=other)
    page = render(facts)
    assert f"The scores are not compared: {reason}." in page
    assert "not compared with release 1" in page
    assert " to release 1" not in page
    assert ("Agreement, release 1" in page) == ("test_split" not in before)
    [rule] = [found for found in verdicts(facts) if "lower than before" in found.rule]
    assert (rule.measured, rule.passed) == (f"not compared: {reason}", None)
