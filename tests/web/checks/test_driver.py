import socket

import pytest

from web.checks.driver import BrowserError, run_script

pytestmark = pytest.mark.browser


def test_a_slow_browser_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    # It takes connections and never answers.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        job = {"url": url, "examples": [], "timeout": 600_000}
        with pytest.raises(BrowserError, match="no answer within 0 s"):
            run_script("smoke", job, seconds=0.05)


def test_a_page_that_is_not_there_says_so() -> None:
    # Port 9 (discard) listens nowhere; Chromium calls it unsafe, which is a refusal as well.
    job = {"url": "http://127.0.0.1:9/", "examples": [], "timeout": 60_000}
    with pytest.raises(BrowserError, match="the page does not open: net::"):
        run_script("smoke", job, seconds=600)


def test_a_script_that_is_not_there_says_so() -> None:
    with pytest.raises(BrowserError, match=r"."):
        run_script("nothing", {}, seconds=600)
