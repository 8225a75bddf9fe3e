"""What models' folders that `fanout new` wrote in earlier versions import from here."""

import importlib

import pytest

# Users keep these folders: none of these names may move.
IMPORTED = {
    "models.columns": ("Columns",),
    "models.examples": ("Value",),
    "models.existing": ("Existing",),
    "models.masks": ("MaskedPictures",),
    "models.pictures": ("PictureFolder", "Size"),
    "models.spec": ("Limits", "ModelSpec", "Output", "Profile", "Range", "Tensor"),
    "models.tables": ("Table",),
    "models.targets": ("Target", "objectives_of", "outputs_of"),
}


@pytest.mark.parametrize("module", IMPORTED)
def test_folders_that_were_written_before_find_their_imports(module: str) -> None:
    found = importlib.import_module(module)
    assert {name for name in IMPORTED[module] if not hasattr(found, name)} == set()
