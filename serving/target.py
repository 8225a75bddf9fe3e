"""The serving target: a SavedModel with warm-up requests, checked in the real model server."""

import importlib.metadata
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.checks import FAILED, Check, compare, failure
from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from core.arrays import Array
from core.errors import FanoutError
from core.version import VERSION
from models.spec import Limits, ModelSpec, Profile
from serving import embedded, signatures
from serving.client import Client
from serving.signatures import VARIANT

TARGET = "serving"
SAVED_MODEL = "saved_model.pb"
# A batch of small pictures of this size takes tens of milliseconds and a megabyte of JSON. Of large
# ones it has fewer: a request has at most so many numbers, which are ten megabytes of JSON.
BATCH, BATCH_VALUES = 256, 1 << 19
# The time of single requests is the median of so many, or of those that fit into so many seconds.
SINGLE_REQUESTS, LEAST_REQUESTS, REQUEST_SECONDS = 100, 5, 10.0
WARMUP_BATCHES = (1, 2, 4, 8, 16, 32)


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Returns a copy of the SavedModel that includes warm-up requests.

    ``out_dir`` becomes the version directory: it holds ``saved_model.pb`` itself.
    """
    from serving.server.dataplane import warmup

    shutil.copytree(saved_model, out_dir, dirs_exist_ok=True)
    golden = Golden.load(config.golden)
    most = min(len(golden), _batch(golden))
    batches = [golden.head(size) for size in WARMUP_BATCHES if size <= most]
    warmup.write([warmup.request(spec.name, batch.inputs) for batch in batches], out_dir)
    return artifacts(out_dir, spec=spec)


def artifacts(folder: Path, *, spec: ModelSpec) -> Artifacts:
    """Returns the SavedModel in a folder, or in ``<model>/<highest version>`` below it."""
    model_folder = folder
    if not (folder / SAVED_MODEL).exists():
        versions = [
            file.parent
            for file in (folder / spec.name).glob(f"*/{SAVED_MODEL}")
            if file.parent.name.isdecimal()
        ]
        model_folder = max(versions, key=lambda path: int(path.name), default=folder)
    return Artifacts(spec.name, folder, {VARIANT: model_folder})


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Returns one row for REST and one for gRPC, each over the whole golden set."""
    limit = limits[VARIANT]
    rows = {
        scheme: Check(TARGET, VARIANT, _runtime(name), FAILED, bytes=artifacts.size(VARIANT))
        for scheme, name in (("http", "REST"), ("grpc", "gRPC"))
    }
    with tempfile.TemporaryDirectory(prefix="fanout-serving-") as folder:
        (Path(folder) / "1").symlink_to(artifacts.variants[VARIANT].resolve())
        try:
            with embedded.running(artifacts.model, Path(folder)) as address:
                urls = {"http": address.rest, "grpc": address.grpc}
                return [
                    check_transport(urls[scheme], artifacts.model, golden, limit, row)
                    for scheme, row in rows.items()
                ]
        except (FanoutError, OSError) as error:
            return [failure(row, str(error), limits=limit) for row in rows.values()]


def examples(profile: Profile) -> int | None:
    """Returns None: every golden example is checked."""
    return None


def check_transport(
    url: str, model: str, golden: Golden, limits: Limits, row: Check, *, label: str | None = None
) -> Check:
    """Returns ``row`` completed with the results of a running server at ``url``.

    The server answers the whole golden set, with the version that ``label`` names, or with the
    latest one if ``label`` is None.
    """
    try:
        with Client(url, model, label=label) as client:
            outputs = _answers(client, golden)
            row = replace(row, p50_ms=_median_milliseconds(client, golden))
            problem = signatures.disagreement(client, model, golden, limits)
    except (FanoutError, OSError, ValueError) as error:
        return failure(row, str(error), limits=limits)
    compared = compare(outputs, golden, limits, row=row)
    if problem:
        reason = "; ".join(part for part in (compared.reason, problem) if part)
        return replace(compared, status=FAILED, reason=reason)
    return compared


def _answers(client: Client, golden: Golden) -> dict[str, Array]:
    size = _batch(golden)
    parts = [
        client.outputs(_rows(golden.inputs, start, start + size))
        for start in range(0, len(golden), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in golden.outputs}


def _batch(golden: Golden) -> int:
    """Returns the number of examples in a request."""
    return max(1, min(BATCH, BATCH_VALUES // golden.values))


def _median_milliseconds(client: Client, golden: Golden) -> float:
    times: list[float] = []
    for number in range(SINGLE_REQUESTS):
        if number >= LEAST_REQUESTS and sum(times) > REQUEST_SECONDS * 1e3:
            break
        row = number % len(golden.examples)
        inputs = _rows(golden.inputs, row, row + 1)
        started = time.perf_counter()
        client.outputs(inputs)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def _rows(inputs: Mapping[str, Any], start: int, stop: int) -> dict[str, Array]:
    return {name: values[start:stop] for name, values in inputs.items()}


def _runtime(transport: str) -> str:
    tensorflow = importlib.metadata.version("tensorflow")
    return f"{transport} ({embedded.NAME} {VERSION}, TensorFlow {tensorflow})"
