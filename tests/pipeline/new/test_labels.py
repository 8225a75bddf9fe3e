"""``fanout new --csv``: what a label's values make of it, and the errors for unsuitable labels."""

from pathlib import Path

import pytest

from core.errors import UserError
from pipeline.commands import cli
from pipeline.new import from_table
from pipeline.new.labels import Label
from pipeline.new.table import look

HEADER = "Size,price (€),rooms,kind,sold,quality,town,late"


def lines(count: int = 120) -> list[str]:
    """Returns lines of a table with labels of all kinds; ``late`` is missing in three of four."""
    rows = (
        f"{n % 17},{n * 731 % 997 / 4},{n % 5 + 1},kind {n % 3},{n % 2},{n % 25},"
        f"town {n % 40},{n if n % 4 == 0 else ''}"
        for n in range(count)
    )
    return [HEADER, *rows]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "homes.csv"
    file.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    return file


def only(file: Path, label: str, *tasks: str) -> Label:
    [found] = look(file, [label], tasks).labels
    return found


@pytest.mark.parametrize(
    ("label", "task", "role", "output", "classes"),
    [
        ("price (€)", None, "regression", "price", 0),
        ("quality", None, "regression", "quality", 0),
        ("rooms", None, "classification", "probabilities", 5),
        ("rooms", "regression", "regression", "rooms", 0),
        ("kind", None, "classification", "probabilities", 3),
        ("sold", None, "binary", "probability", 2),
        ("sold", "classification", "classification", "probabilities", 2),
        ("sold", "regression", "regression", "sold", 0),
    ],
)  # fmt: skip
def test_the_values_or_the_user_decide(
    file: Path, label: str, task: str | None, role: str, output: str, classes: int
) -> None:
    found = only(file, label, *([task] if task else []))
    assert (found.role, found.output, len(found.classes)) == (role, output, classes)
    assert found.unit == ("€" if label == "price (€)" else "")


def test_several_labels_are_none_of_the_inputs(file: Path) -> None:
    facts = look(file, ["price (€), kind", "sold"], ["regression,classification,binary"])
    assert [(label.name, label.output, label.role) for label in facts.labels] == [
        ("price", "price", "regression"),
        ("kind", "kind", "classification"),
        ("sold", "sold", "binary"),
    ]
    assert [column.name for column in facts.columns] == ["size", "rooms", "quality", "town", "late"]


def test_a_header_may_have_a_comma(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text('x,"a,b"\n' + "".join(f"{n},{n % 2}\n" for n in range(60)))
    assert only(file, "a,b").role == "binary"


def test_it_is_said_what_a_label_became(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").mkdir()
    words = ["new", "homes", "--csv", str(file), "--models", str(tmp_path / "models"), "--label"]
    assert cli.main([*words, "price (€),sold"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("120 rows, label 'price (€)' is a number from ")
    assert told[0].endswith(" €: a regression (more than 20 different ones; --task decides)")
    assert told[1] == "label 'sold' is 0 or 1: the probability of 1"


def test_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(
        "x,y\n" + "".join(f"{n},{'' if n < 3 else 'NaN' if n < 5 else n / 2}\n" for n in range(80))
    )
    folder, told = from_table.create("mine", file, models=tmp_path / "models")
    assert told.endswith("left out 5 rows: they have no value for the label")
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("labels", "tasks", "message"),
    [
        (["town"], ["regression"], "needs a label of numbers, but 120 of 120 values of 'town' are"
                                   " not numbers, such as 'town 0'"),
        (["price (€)"], ["classification"], "fewer: .* …; to predict it as a number, use --task r"),
        (["kind"], ["binary"], r"needs a label with two classes, got 3 in 'kind': kind 0 \(40\)"),
        (["town"], [], "each class of 'town' must have at least 5 rows, but 40 of 40"),
        (["late"], [], "at least 50 rows with a value for the label 'late', got 30 of 120"),
        (["kind", "late"], [], "a value for the label 'kind' and 'late', got 30 of 120"),
        (["kind"], ["ranking"], "--task must be one of regression, binary, .*, got 'ranking'"),
        (["kind", "sold", "rooms"], ["binary,binary"], "or one for each of the 3, got 2"),
        (["kind,prize"], [], "has no column 'prize'; it has: Size, price"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(
    file: Path, tmp_path: Path, labels: list[str], tasks: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        from_table.create("mine", file, labels, tasks, tmp_path / "models")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("cell", "tasks", "message"),
    [
        ("inf", [], "column 'y' mixes types: 79 of 80 values are numbers, but 'inf' is not"),
        ("inf", ["regression"], "1 of 80 values of 'y' are not numbers, such as 'inf'"),
        ("1e18", [], "the label 'y' must have numbers up to 1e.15, got 1e.18; use a larger"),
        ("many", ["regression"], "1 of 80 values of 'y' are not numbers, such as 'many'"),
    ],
)
def test_a_cell_that_is_not_a_number_is_named(
    tmp_path: Path, cell: str, tasks: list[str], message: str
) -> None:
    file = tmp_path / "table.csv"
    file.write_text("x,y\n" + "".join(f"{n},{cell if n == 7 else n / 2}\n" for n in range(80)))
    with pytest.raises(UserError, match=message):
        look(file, ["y"], tasks)


def test_options_of_tables_need_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--task", "--label"):
        assert cli.main(["new", "mine", "--images", str(tmp_path), option, "binary"]) == 2
        assert capsys.readouterr().err.startswith(f"error: {option} ")
