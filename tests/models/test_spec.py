import pytest

from models.spec import ModelSpec, Output, Tensor


def spec(*outputs: Tensor, **more: str) -> ModelSpec:
    return ModelSpec("given", "", "", (), outputs, {}, {}, **more)  # type: ignore[arg-type]


KIND = Output("kind", "float32", (2,), "", labels=("cat", "dog"), label_key="a kind")
PLACE = Output("place", "float32", (3,), "", labels=("in", "out", "away"), label_key="a place")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a kind=1", "dog"),
        ("a place=1", "out"),
        ("a place=3", "a place=3"),
        ("island=1", "island=1"),
        ("a kind=north", "a kind=north"),
    ],
)
def test_a_slice_is_called_by_the_class_of_the_output_that_it_belongs_to(
    key: str, expected: str
) -> None:
    assert spec(KIND, PLACE).slice_name(key) == expected


def test_folders_from_before_outputs_had_roles_have_names_of_slices() -> None:
    old = spec(
        Tensor("probabilities", "float32", (2,), ""),
        labels=("cat", "dog"),  # type: ignore[arg-type]
        label_key="species",
    )
    assert old.slice_name("species=1") == "dog"
