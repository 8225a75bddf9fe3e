"""Pillow for the edge environment, which has none: a Raspberry Pi has Debian's."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def only_pillow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pipeline's Pillow alone."""
    import PIL

    folder = tmp_path_factory.mktemp("only-pillow")
    for name in ("PIL", "pillow.libs"):
        if (Path(PIL.__file__).parents[1] / name).exists():
            (folder / name).symlink_to(Path(PIL.__file__).parents[1] / name)
    return folder
