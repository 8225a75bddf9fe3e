"""A release leaves out an optional variant whose check failed, and has the reason in its place."""

from dataclasses import replace
from pathlib import Path

from core.agreement.checks import FAILED, PASSED, Check
from core.agreement.left_out import leave_out, reason_file
from core.agreement.target import Artifacts

ROW = Check("mobile", "int8", "LiteRT 2.3.0", FAILED, "agreement 0.5 is below 0.97", required=False)


def converted(folder: Path) -> Artifacts:
    files = {name: folder / f"m.{name}.tflite" for name in ("float32", "int8")}
    for file in files.values():
        file.write_bytes(b"model")
    return Artifacts("m", folder, files)


def test_the_reason_takes_the_files_place(tmp_path: Path) -> None:
    artifacts = converted(tmp_path)
    leave_out(artifacts, [ROW, Check("mobile", "float32", "LiteRT 2.3.0", PASSED)])
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "m.float32.tflite",
        "m.int8.tflite.refused.txt",
    ]
    text = reason_file(artifacts.variants["int8"]).read_text()
    assert text == "LiteRT 2.3.0: agreement 0.5 is below 0.97\n"


def test_a_required_one_stays_for_inspection(tmp_path: Path) -> None:
    artifacts = converted(tmp_path)
    leave_out(artifacts, [replace(ROW, required=True)])
    assert artifacts.variants["int8"].is_file()
