import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.arrays import Array
from core.errors import UserError
from core.toolchain import ROOT
from models.spec import ModelSpec
from pipeline.commands import cli
from pipeline.commands.monitor import Asked, monitor
from pipeline.monitor.baseline import FILE, FOLDER, write_baseline
from pipeline.release.release import Release
from pipeline.settings.config import Config
from web.checks.driver import run_script

OPEN = "../../tests/pipeline/report/open_report"

Draw = Callable[[int, int], tuple[Array, Array]]
Write = Callable[..., Path]


def beyond(config: Config, *logs: Path, **options: Any) -> dict[str, Any]:
    """Returns the JSON, with the names of the features beyond their limit."""
    result, _ = monitor(config, Asked(logs, **options))
    report = result.to_json()
    return {**report, "beyond": {row["feature"] for row in report["skew"] if not row["within"]}}


def test_requests_like_the_training_data_are_fine(
    config: Config, draw: Draw, of_pictures: Write
) -> None:
    told = beyond(config, of_pictures(*draw(1000, 5)))
    assert (told["status"], told["exit_code"], told["beyond"]) == ("fine", 0, set())
    assert told["examples"] == told["requests"] == 1000
    assert {row["feature"] for row in told["skew"]} == {
        "image.brightness", "image.contrast", "image.dark share", "predicted class", "confidence",
    }  # fmt: skip
    assert told["unseen"] == ["image.width", "image.height"]
    assert all(row["within"] for row in told["drift"])
    assert told["drift"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda shown, _: 255 - shown, {"image.brightness", "image.dark share"}),
        (lambda shown, _: shown * 0.2, {"image.brightness", "image.dark share"}),
        (lambda shown, labels: shown[labels == 4], {"predicted class"}),
    ],
    ids=["inverted", "darkened", "one class only"],
)
def test_shifted_requests_are_reported_by_name(
    config: Config, draw: Draw, of_pictures: Write, change: Any, names: set[str]
) -> None:
    shown, labels = draw(3000, 5)
    changed = change(shown, labels)[:260]
    told = beyond(
        config, of_pictures(changed, np.full(260, 4) if len(names) == 1 else labels[:260])
    )
    assert (told["status"], told["exit_code"]) == ("drifted", 3)
    assert names <= told["beyond"]
    for name in names:
        assert any(text.startswith(f"{name}: ") for text in told["findings"])


def test_the_golden_examples_that_smoke_tests_ask_for_do_not_count(
    config: Config, released: Release, golden: Golden, draw: Draw, write_log: Write, encode: Any
) -> None:
    few = golden.head(16)
    file = released.folder / "golden.json"
    file.write_text(few.to_json(model="fashion", version=3))
    shown, _ = draw(3, 5)
    own = few.inputs["image"]
    try:
        log = write_log(
            [
                *(("image", one[None]) for one in own),
                ("image", own),
                ("image_bytes", np.array([encode(own[0])], object)),
                # Other examples count, even in a request with golden examples.
                ("image", np.concatenate([own[:5], shown])),
                ("image", shown[:1]),
            ]
        )
        told = beyond(config, log)
    finally:
        file.unlink()
    assert (told["examples"], told["requests"]) == (4, 2)
    assert told["skipped"] == {"golden examples, which smoke tests ask for": 18}


def test_equal_data_makes_an_equal_file(
    released: Release, spec: ModelSpec, golden: Golden, tmp_path: Path
) -> None:
    pattern = str(released.folder.parent / "train" / "*.tfrecord")
    again = write_baseline(tmp_path, spec, pattern, golden)
    assert again.read_bytes() == (released.folder / FOLDER / FILE).read_bytes()


def test_a_change_within_the_log_is_drift(config: Config, draw: Draw, of_pictures: Write) -> None:
    shown, labels = draw(1000, 5)
    order = np.argsort(labels, kind="stable")
    told = beyond(config, of_pictures(shown[order], labels[order]))
    drifted = {row["feature"] for row in told["drift"] if not row["within"]}
    assert "predicted class" in drifted
    assert "predicted class" not in told["beyond"]
    assert any("older requests" in text for text in told["findings"])
    assert told["exit_code"] == 3


def test_too_few_requests_have_their_own_exit_code(
    config: Config, draw: Draw, of_pictures: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    log = of_pictures(255 - draw(50, 5)[0], draw(50, 5)[1])
    told = beyond(config, log)
    assert (told["status"], told["exit_code"], told["findings"]) == ("too few requests", 4, [])
    code = cli.main(
        ["monitor", "--release", str((config.build.releases / "3").resolve()), "--log", str(log),
         "--page", str(log.with_name("page.html"))]
    )  # fmt: skip
    assert code == 4
    assert "50 examples, at least 200 are needed" in capsys.readouterr().out


def test_pictures_files_and_examples_are_read_too(
    config: Config, draw: Draw, write_log: Write, encode: Callable[..., bytes]
) -> None:
    from models.examples import _example

    shown, _ = draw(300, 5)
    large = [("image_bytes", [encode(one, 3)]) for one in shown]
    examples = [
        ("examples", [_example({"image": encode(one)}).SerializeToString()]) for one in shown
    ]
    told = beyond(config, write_log([*large, *examples]))
    assert told["examples"] == 600
    assert told["beyond"] == {"image.width", "image.height"}
    assert told["unseen"] == ["predicted class", "confidence"]


def test_rotated_files_and_a_cut_off_record(config: Config, draw: Draw, of_pictures: Write) -> None:
    shown, labels = draw(400, 5)
    files = [
        of_pictures(
            shown[part], labels[part], name=f"requests.fashion-2026010{day}T000000.0Z.tfrecord"
        )
        for day, part in ((1, slice(200)), (2, slice(200, 400)))
    ]
    files[1].write_bytes(files[1].read_bytes()[:-100])
    for place in (files[0].parent, files[0].with_name("requests.fashion")):
        told = beyond(config, place)
        assert told["examples"] == 399
        assert [Path(name).name for name in told["files"]] == [file.name for file in files]


def test_other_requests_are_skipped_and_counted(
    config: Config, draw: Draw, of_pictures: Write, write_log: Write
) -> None:
    shown, labels = draw(300, 5)
    folder = of_pictures(shown, labels).parent
    of_pictures(shown[:20], labels[:20], version=2, name="b.tfrecord")
    of_pictures(shown[:10], labels[:10], model="other", name="c.tfrecord")
    write_log([("image_bytes", [b"no picture"])], name="d.tfrecord")
    told = beyond(config, folder)
    assert told["examples"] == 300
    assert told["skipped"] == {"other versions": 20, "other models": 10, "not readable": 1}
    assert beyond(config, folder, any_version=True)["examples"] == 320


def test_what_is_missing_is_reported(config: Config, draw: Draw, of_pictures: Write) -> None:
    with pytest.raises(UserError, match=r"no request log at .*REQUEST_LOG_RATE"):
        monitor(config, Asked())
    log = of_pictures(*draw(2, 1))
    (config.build.releases / "current").unlink()
    with pytest.raises(UserError, match="nothing of fashion-quick is promoted yet"):
        monitor(config, Asked((log,)))
    old = config.build.releases / "2"
    old.mkdir()
    (old / "manifest.json").write_text((config.build.releases / "3" / "manifest.json").read_text())
    with pytest.raises(UserError, match=r"FeatureStats.pb does not exist"):
        monitor(config, Asked((log,), folder=old))
    (old / "monitoring").mkdir()
    (old / "monitoring" / "FeatureStats.pb").write_bytes(b"\xff\xff")
    with pytest.raises(UserError, match="is damaged"):
        monitor(config, Asked((log,), folder=old))


@pytest.mark.browser
def test_the_command_prints_names_and_writes_a_page_without_complaint(
    released: Release,
    draw: Draw,
    of_pictures: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown, labels = draw(900, 5)
    log, page = of_pictures(255 - shown, labels), tmp_path / "page.html"
    options = ["monitor", "--release", str(released.folder), "--log", str(log), "--page", str(page)]
    assert cli.main(options) == 3
    said = capsys.readouterr()
    assert "drift: image.brightness: mean 0.3" in said.err
    assert "✗ beyond" in said.out
    assert cli.main([*options, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["status"] == "drifted"
    answer = run_script(OPEN, {"file": str(page), "timeout": 240_000}, seconds=600)
    assert answer["problems"] == []
    assert answer["requests"] == [page.as_uri()]
    assert "features are beyond their limits" in page.read_text()
    assert not re.search(r"\b(nan|inf)\b", page.read_text())


def test_the_documented_job_is_one_that_the_command_line_takes() -> None:
    import yaml

    text = (ROOT / "docs" / "operations.md").read_text()
    job = yaml.safe_load(text.partition("```yaml")[2].partition("```")[0])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    options = cli._parser().parse_args(pod["containers"][0]["args"])
    mounts = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    used = [options.release, options.page, *options.log]
    assert {f"/{path.parts[1]}" for path in used} == mounts
