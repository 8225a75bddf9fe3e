"""h2spec's cases of HTTP/2 and HPACK against the gRPC port of a real server.

h2spec makes a GET request, as a browser would. The server answers it at once with status 405, which
has no body.
"""

import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.embedded import Address

ROOTS = {"Generic tests": "generic", "Hypertext Transfer": "http2", "HPACK": "hpack"}
# How long h2spec waits for an answer. A case that fails waits in vain for an answer that the server
# rightly does not give. All others wait only as long as the server takes.
SECONDS, IN_VAIN_SECONDS = 60, 1
RUN_SECONDS = 600.0
# Five headers of this many bytes are more than the largest frame that the server takes.
LONG_HEADER = 70_000
CASES = 146
PASSED = "passed"

FAILING = {
    "generic/2/2": "waits for a DATA frame, but the answer to a GET request has no body",
    "generic/2/3": "waits for a DATA frame, but the answer to a GET request has no body",
    "http2/4.2/3": "sends a frame of less than 18 KiB, but the SETTINGS of the server allow it",
    "http2/5.1.2/1": "opens 257 streams, but the answer has ended each before the next one opens",
}
NO_BODY = "needs a body to watch the windows, but the answer to a GET request has none"
SKIPPED = dict.fromkeys(
    ("http2/6.5.3/1", "http2/6.9.1/1", "http2/6.9.2/1", "http2/6.9.2/2"), NO_BODY
)

Results = dict[str, str]


@pytest.fixture(scope="module")
def cases(h2spec: Path) -> dict[tuple[str, str], str]:
    """The ids of all cases, as h2spec's command line takes them, by section and title."""
    listing = subprocess.run(
        [h2spec, "--strict", "--dryrun"],
        check=True,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    found: dict[tuple[str, str], str] = {}
    root = section = ""
    for line in map(str.strip, listing.stdout.splitlines()):
        if match := re.match(r"(\d+): (.+)", line):
            found[section, match[2]] = f"{section}/{match[1]}"
        elif match := re.match(r"([\d.]+)\. ", line):
            section = f"{root}/{match[1]}"
        elif line:
            (root,) = (short for title, short in ROOTS.items() if line.startswith(title))
    return found


class Spec:
    """Runs cases of h2spec.

    Args:
        program: h2spec.
        address: of the server.
        cases: the ids of all cases, by section and title.
        folder: for the reports.
    """

    def __init__(
        self, program: Path, address: Address, cases: dict[tuple[str, str], str], folder: Path
    ) -> None:
        place = (f"--host={address.host}", f"--port={address.grpc_port}")
        self._command = [str(program), "--strict", *place]
        self._cases = cases
        self._folder = folder

    def run(self, wanted: Iterable[str], *words: str, seconds: int = SECONDS) -> Results:
        """Returns the results of some cases by id: passed, skipped or what was wrong."""
        ids = list(wanted)
        report = self._folder / f"{ids[0].replace('/', '-')}.xml"
        flags = (f"--junit-report={report}", f"--timeout={seconds}", *words)
        done = subprocess.run(
            [*self._command, *flags, *ids],
            check=False,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )
        assert report.exists(), done.stdout + done.stderr
        found = {}
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - h2spec wrote it
            one = self._cases[case.attrib["package"], case.attrib["classname"]]
            # The only child of a case that did not pass: skipped, failure or error.
            found[one] = next((f"{child.tag}: {child.text}" for child in case), PASSED)
        return found


@pytest.fixture
def spec(h2spec: Path, server: Address, cases: dict[tuple[str, str], str], tmp_path: Path) -> Spec:
    return Spec(h2spec, server, cases, tmp_path)


def test_what_fails_is_known(spec: Spec, cases: dict[tuple[str, str], str]) -> None:
    def in_vain(one: str) -> Results:
        return spec.run([one], seconds=IN_VAIN_SECONDS)

    found = spec.run(one for one in cases.values() if one not in FAILING)
    with ThreadPoolExecutor(len(FAILING)) as pool:
        for results in pool.map(in_vain, FAILING):
            found |= results
    assert len(found) == len(cases) == CASES
    others = {one: result for one, result in found.items() if result != PASSED}
    skipped = {one for one, result in others.items() if result.startswith("skipped")}
    assert others.keys() - skipped == FAILING.keys(), others
    assert skipped == SKIPPED.keys()


def test_a_frame_that_is_larger_than_the_server_allows(spec: Spec) -> None:
    """Headers that are long enough make a case pass that can't pass with h2spec's own."""
    case = "http2/4.2/3"
    assert spec.run([case], f"--max-header-length={LONG_HEADER}") == {case: PASSED}
