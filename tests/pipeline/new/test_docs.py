"""docs/bring-your-own-model.md: each step runs, and prints what the page shows."""

import re
from pathlib import Path

import pytest

from core.toolchain import ROOT
from models import places
from pipeline.commands import cli
from pipeline.new import create

PAGE = ROOT / "docs" / "bring-your-own-model.md"
# The block that makes the data, the command, and its output.
STEP = re.compile(
    r"```python\n(?P<code>.*?)```\n+```sh\nfanout (?P<command>.*?)\n```\n+```\n(?P<output>.*?)```",
    re.DOTALL,
)
STEPS = {step["command"].split()[1]: step for step in STEP.finditer(PAGE.read_text("utf-8"))}


def test_the_page_has_all_ways() -> None:
    assert list(STEPS) == ["wine", "diabetes", "digits", "ink", "mine"]


# NumPy 2 warns about TensorFlow's variables whenever Keras saves one.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", STEPS)
def test_a_step_prints_what_the_page_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for module in (places, create):
        monkeypatch.setattr(module, "OWN", tmp_path / "models")
    exec(compile(STEPS[name]["code"], f"{PAGE.name}:{name}", "exec"), {})  # noqa: S102 - our page
    capsys.readouterr()
    assert cli.main(STEPS[name]["command"].split()) == 0
    shown = capsys.readouterr().out.replace(f"{tmp_path}/", "")
    assert shown == STEPS[name]["output"]
    assert (tmp_path / "models" / name / "spec.py").is_file()
