"""The runtime that a file needs, by the operator table and by the file's own statement."""

from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from mobile.conversion.model_file import ModelFile, Operator, read
from mobile.conversion.runtime_versions import release, requirement, version


def model(*operators: Operator, stated: str | None = None) -> ModelFile:
    return ModelFile(Path("x.tflite"), (), dict.fromkeys(operators, 1), {}, stated, None)


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [("CONV_2D", 1, "1.5"), ("FULLY_CONNECTED", 12, "2.17"), ("FULLY_CONNECTED", 99, "")],
)
def test_releases_of_operators(name: str, number: int, expected: str) -> None:
    assert release(Operator(name, number)) == expected


def test_a_custom_operator_is_of_no_release() -> None:
    assert release(Operator("FlexBetainc", 1, custom=True)) == ""


def test_the_newest_operator_decides() -> None:
    needed = requirement(model(Operator("CONV_2D", 3), Operator("FULLY_CONNECTED", 9)))
    assert (needed.release, needed.operator) == ("2.3", Operator("FULLY_CONNECTED", 9))
    assert needed.loads_in("2.14.0") and not needed.loads_in("2.2.0")


def test_the_files_own_statement_counts_where_it_asks_for_more() -> None:
    needed = requirement(model(Operator("CONV_2D", 1), stated="2.19.0"))
    assert (needed.release, needed.operator) == ("2.19", None)
    assert requirement(model(Operator("MAX_POOL_2D", 3), stated="2.1.0")).release == "2.3"


def test_what_the_table_lacks_is_listed() -> None:
    operator = Operator("SVDF", 1)
    needed = requirement(model(operator))
    assert needed.unlisted == (operator,)
    assert needed.loads_in("1.5.0")


def test_releases_compare_as_numbers() -> None:
    assert version("2.9.0") < version("2.14.0")


def test_table_and_converter_agree_on_every_variant(converted: Artifacts) -> None:
    for file in converted.variants.values():
        found = read(file)
        needed = requirement(found)
        assert needed.unlisted == ()
        assert found.stated_runtime is not None
        assert version(needed.release)[:2] == version(found.stated_runtime)[:2], file.name
        assert needed.loads_in("2.14.0")
