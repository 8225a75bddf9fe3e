"""The cuts that web/bundle/lean.ts makes in TensorFlow.js, in a real build."""

import pytest

from core.agreement.target import Artifacts
from core.toolchain import WEB

TENSORFLOW_JS = WEB / "node_modules" / "@tensorflow"
# For each cut a word that is nowhere in the page as long as it is made, and a file that has it.
CUTS = {
    "descriptions of operations": (
        "TensorListPushBack",
        "converter/dist/operations/op_list/control.js",
    ),
    "categories of operations": ("hash_table", "converter/dist/operations/operation_executor.js"),
    "cases of operations": (
        "EuclideanNorm",
        "converter/dist/operations/executors/normalization_executor.js",
    ),
    "functions behind operations": ("basicLSTMCell_", "core/dist/ops/basic_lstm_cell.js"),
    "kernels of the CPU": (
        "NonMaxSuppressionPadded",
        "backend-cpu/dist/kernels/NonMaxSuppressionV4.js",
    ),
    "kernels of WebGL": ("Bitonic", "backend-webgl/dist/kernels/TopK.js"),
    "threads": (
        "allocateUnusedWorker",
        "backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js",
    ),
    "optimizers": ("Adadelta", "core/dist/optimizers/adadelta_optimizer.js"),
}


@pytest.mark.parametrize("cut", CUTS)
def test_what_the_model_does_not_use_is_left_out(site: Artifacts, cut: str) -> None:
    word, file = CUTS[cut]
    assert word in (TENSORFLOW_JS / f"tfjs-{file}").read_text(), "look for another word"
    parts = {part.name: part.read_text() for part in (site.folder / "assets").glob("*.js")}
    assert [name for name, text in parts.items() if word in text] == []


def test_functions_of_the_cpu_backend_are_not_kept_together(site: Artifacts) -> None:
    """Otherwise every backend would load all of them: 36 kB."""
    assert not list((site.folder / "assets").glob("shared-*.js"))
