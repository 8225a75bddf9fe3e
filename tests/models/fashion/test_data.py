import gzip
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread

import pytest

from core.errors import DataError
from core.toolchain import ROOT
from models.fashion import data
from models.sources import debian
from models.spec import load

CACHE = ROOT / "build" / "datasets" / "fashion"


@pytest.fixture(scope="session")
def cache() -> Path:
    data.fetch(CACHE)
    return CACHE


def test_splits_are_apart_and_complete(cache: Path) -> None:
    train, evaluation = data._rows("train", 60_000), data._rows("eval", 60_000)
    assert len(train) == 55_000
    assert sorted([*train, *evaluation]) == list(range(60_000))
    assert data._rows("test", 10_000).tolist() == list(range(10_000))


def test_examples_are_pictures_with_labels(cache: Path) -> None:
    found = list(islice(data.examples(cache, "test", 5), 10))
    assert [example["label"] for example in found] == [9, 2, 1, 1, 6]
    assert all(bytes(example["image"])[:4] == b"\x89PNG" for example in found)  # type: ignore[arg-type]


def test_a_truncated_gzip_is_named(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(cache, tmp_path / "copy")
    file = tmp_path / "copy" / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:10_000])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz is damaged"):
        data.fetch(tmp_path / "copy")


def test_another_data_set_is_refused_by_its_checksum(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(cache, tmp_path / "copy")
    file = tmp_path / "copy" / "train-labels-idx1-ubyte.gz"
    pixels = bytearray(gzip.decompress(file.read_bytes()))
    pixels[100] ^= 1
    file.write_bytes(gzip.compress(bytes(pixels), 1))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz is not the file of Fashion"):
        data.fetch(tmp_path / "copy")


def test_a_missing_file_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz is missing"):
        list(data.examples(tmp_path, "train", 1))


def test_without_the_distributions_package_the_files_are_downloaded(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise debian.PackageError("no mirror")

    monkeypatch.setattr(debian, "unpack", none)
    monkeypatch.setattr(data, "INSTALLED", tmp_path / "not installed")
    handler = partial(SimpleHTTPRequestHandler, directory=str(cache))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setattr(data, "DOWNLOAD", f"http://127.0.0.1:{server.server_port}/")
        Thread(target=server.serve_forever, daemon=True).start()
        data.fetch(tmp_path / "fashion")
        server.shutdown()
    assert sorted(file.name for file in (tmp_path / "fashion").iterdir()) == sorted(data.SHA256)
    # From nowhere, all that was tried is said.
    with pytest.raises(DataError, match=r"could not be fetched .*: no mirror; URL fetch failure"):
        data.fetch(tmp_path / "again")


def test_every_model_has_the_same_files() -> None:
    spec = load("fashion")
    names = {"spec.py", "data.py", "features.py", "network.py", "schema.pbtxt", "README.md"}
    assert names <= {file.name for file in spec.folder.iterdir()}
    assert len(spec.labels) == spec.outputs[0].shape[0]
