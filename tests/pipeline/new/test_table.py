"""``fanout new --csv``: inferred properties, and the errors for unsuitable tables."""

import random
from pathlib import Path

import pytest

from core.errors import UserError
from pipeline.new import from_table
from pipeline.new.folder import check_name
from pipeline.new.table import look


def rows(count: int = 60) -> list[str]:
    """Returns lines of a table with a number, a text, a missing value, prose and a constant."""
    chosen = random.Random(3)
    lines = ["Body mass (g),place,note,unit,species"]
    for number in range(count):
        mass = "" if number == 4 else f"{chosen.uniform(-5, 40):.2f}"
        place = chosen.choice(["Île", "b;c", 'say ""x""'])
        lines.append(f'{mass},"{place}",note {number},g,{"ab"[number % 2]}')
    return lines


def written(folder: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    file = folder / "table.csv"
    file.write_text("\n".join(lines) + "\n", encoding=encoding)
    return file


def test_columns_are_told_apart(tmp_path: Path) -> None:
    facts = look(written(tmp_path, rows()))
    assert [(c.name, c.numbers is not None) for c in facts.columns] == [
        ("body_mass_g", True),
        ("place", False),
    ]
    assert facts.columns[0].present == pytest.approx(59 / 60)
    [label] = facts.labels
    assert (label.header, label.role, label.classes) == ("species", "binary", ("a", "b"))
    assert (label.name, label.output, label.majority) == ("label", "probability", 0.5)
    assert set(facts.left_out) == {"note", "unit"}


def test_the_missing_number_does_not_occur(tmp_path: Path) -> None:
    facts = look(written(tmp_path, rows()))
    assert from_table.missing_number(facts.columns[:1]) == -10.0


@pytest.mark.parametrize(
    ("lines", "label", "message"),
    [
        ([*rows()[:10], "1,2", *rows()[10:]], None, "as the header, 5, got 2 in line 11"),
        ([*rows(), "heavy,b,n,g,a"], None, "'Body mass .g.' mixes types: 59 of 60"),
        ([line.replace("species", "kind") for line in rows()], None, "with --label COLUMN"),
        (rows(), "sort", "has no column 'sort'; it has: Body mass"),
        ([rows()[0], *(f"{line[:-1]}a" for line in rows()[1:])], None, "at least two classes"),
        (rows()[:4], None, "at least 50 rows .* got 3"),
        ([line.replace(",", "#") for line in rows()], None, "must have columns separated by"),
        ([*rows(), "1,b,n,g,rare"], None, r"at least 5 rows, .* fewer: rare \(1\)"),
        (rows(), "note", "at least 5 rows, .* 60 of 60 .* or name another --label"),
        (["a,a,species", *rows()[1:]], None, "as many cells|different, non-empty names"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_reported(
    tmp_path: Path, lines: list[str], label: str | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        look(written(tmp_path, lines), [label] if label else [])


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be UTF-8, got the byte 0xce in line \d+; .*iconv"):
        look(written(tmp_path, rows(), "latin-1"))


def test_a_million_rows_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("x,label\n" + "1,a\n" * 1_000_000)
    with pytest.raises(UserError, match=r"at most 200,000 rows, got 1,000,000; .* shuf"):
        look(file)


def test_other_separators_are_found(tmp_path: Path) -> None:
    lines = ["size;label", *(f"{number},5;{'ab'[number % 2]}" for number in range(50))]
    # A number with a decimal comma is not read as a number: these are fifty different texts.
    with pytest.raises(UserError, match="must have a column to learn from"):
        look(written(tmp_path, lines))
    facts = look(written(tmp_path, [line.replace(",", ".") for line in lines]))
    assert (facts.separator, facts.columns[0].numbers) == (
        ";",
        tuple(number + 0.5 for number in range(50)),
    )


@pytest.mark.parametrize("name", ["Wine", "1wine", "class", "../wine", "a" * 41, "fashion", "spec"])
def test_names_are_checked(name: str) -> None:
    with pytest.raises(UserError, match=r"a model's name must start with|already exists"):
        check_name(name)


def test_nothing_is_left_of_a_refused_table(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        from_table.create("mine", written(tmp_path, rows()[:3]), models=tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_the_written_folder_is_python_that_describes_the_data(tmp_path: Path) -> None:
    file = written(tmp_path, rows())
    folder, told = from_table.create("mine", file, models=tmp_path / "models")
    assert "body_mass_g (number, 2% missing), place (text)" in told
    assert sorted(each.name for each in folder.iterdir()) == sorted(
        ["README.md", "__init__.py", "columns.py", "data.py", "features.py", "network.py"]
        + ["schema.pbtxt", "spec.py"]
    )
    for each in folder.glob("*.py"):
        compile(each.read_text(), each.name, "exec")
    schema = parsed_schema(folder)
    assert sorted(schema["place"].string_domain.value) == ["b;c", 'say "x"', "Île"]
    assert schema["body_mass_g"].presence.min_fraction < 1
    assert schema["body_mass_g"].float_domain.disallow_nan
    assert "min_accuracy=0.5," in (folder / "spec.py").read_text()


def parsed_schema(folder: Path) -> dict[str, object]:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    text = (folder / "schema.pbtxt").read_text(encoding="utf-8")
    parsed = text_format.Parse(text, schema_pb2.Schema())
    return {feature.name: feature for feature in parsed.feature}
