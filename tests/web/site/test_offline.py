"""The files that a first visit stores, and those that are stored when they are first used."""

import json

from core.agreement.target import Artifacts


def test_large_files_that_a_first_visit_does_not_use_are_stored_later(site: Artifacts) -> None:
    text = (site.folder / "release.js").read_text()
    release = json.loads(text.removeprefix("self.RELEASE = ").rstrip().removesuffix(";"))
    files, later = sorted(release["files"]), sorted(release["later"])
    # Their names have the digests that Vite gives them.
    assets = [name.removeprefix("assets/") for name in later if name.startswith("assets/")]
    kinds = sorted((name.partition("-")[0], name.rpartition(".")[2]) for name in assets)
    assert kinds == [
        ("litert", "js"),
        ("litert_wasm_compat_internal", "js"),
        ("litert_wasm_compat_internal", "wasm"),
        ("tfjs", "wasm"),
    ]
    assert not [name for name in later if "simd" in name]
    assert [name for name in files if name.endswith(".wasm")] == [
        name for name in files if "tfjs-backend-wasm-simd-" in name
    ]
