"""The code blocks of docs/tensorflow-and-keras.md, run in order as one program."""

import re

import pytest

from core.toolchain import ROOT
from models.fashion import network

PAGE = ROOT / "docs" / "tensorflow-and-keras.md"


def test_the_page_tells_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    # Fewer layers of the same kinds: most of the time is spent on tracing.
    monkeypatch.setattr(network, "CONVOLUTIONS", ((8, 4, 2), (16, 3, 2)))
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    exec(compile("\n".join(blocks), PAGE.name, "exec"), {})  # noqa: S102 - our own page
