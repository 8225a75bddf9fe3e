"""Facts of releases whose models answer in each of the ways that there are."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from core.agreement.checks import FAILED, Check, compare
from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.table import heads
from models.spec import Limits, ModelSpec, Output, Tensor
from pipeline.report import Facts

COUNT = 40
PICTURE = Tensor("photo", "uint8", (48, 64, 3), "A photo.", 0, 255, "image")
ROW = Tensor("row", "float32", (5,), "Five numbers.")
Answers = tuple[tuple[Output, ...], Mapping[str, Array], Mapping[str, Array]]


def _chance() -> np.random.Generator:
    return np.random.default_rng(11)


def classification() -> Answers:
    labels = ("cat", "dog", "owl")
    truth = np.arange(COUNT) % 3
    said = np.where(np.arange(COUNT) % 7 == 0, (truth + 1) % 3, truth)
    values = np.full((COUNT, 3), 0.1, np.float32)
    values[np.arange(COUNT), said] = 0.8
    output = Output("kind", "float32", (3,), "", labels=labels)
    return (output,), {"kind": values}, {"kind": truth}


def binary() -> Answers:
    truth = np.arange(COUNT) % 2
    values = np.clip(truth * 0.4 + _chance().random(COUNT) * 0.6, 0, 1).astype(np.float32)
    output = Output("ill", "float32", (1,), "", role="binary", labels=("ill",))
    return (output,), {"ill": values[:, None]}, {"ill": truth}


def multi_label() -> Answers:
    truth = _chance().integers(0, 2, (COUNT, 3))
    values = np.clip(truth * 0.5 + _chance().random((COUNT, 3)) * 0.55, 0, 1).astype(np.float32)
    labels = ("red", "round", "<ripe>")
    output = Output("tags", "float32", (3,), "", role="multi_label", labels=labels)
    return (output,), {"tags": values}, {"tags": truth}


def regression() -> Answers:
    truth = _chance().uniform(-20, 120, COUNT).astype(np.float32)
    values = (truth + _chance().normal(0, 9, COUNT).astype(np.float32))[:, None]
    output = Output("heat", "float32", (1,), "", role="regression", unit="°C")
    return (output,), {"heat": values}, {"heat": truth}


def segmentation() -> Answers:
    down, across = np.mgrid[:24, :32]
    truth = np.stack([
        np.where(np.hypot(down - 12, across - 6 - row % 20) < 6, 1, 0)
        for row in range(COUNT)
    ])  # fmt: skip
    truth[:, 15:, 27:] = 2
    said = np.roll(truth, 2, axis=2)
    labels = ("ground", "road", "water")
    output = Output("map", "float32", (24, 32, 3), "", role="segmentation", labels=labels)
    values = np.eye(3, dtype=np.float32)[said] * 0.8 + 0.1
    return (output,), {"map": values}, {"map": truth}


def detection() -> Answers:
    place = _chance().uniform(0.05, 0.5, (COUNT, 2, 2))
    truth = np.concatenate(
        [place, place + 0.35, _chance().integers(0, 2, (COUNT, 2, 1))], axis=2
    ).astype(np.float32)
    truth[::5, 1, 4] = -1
    corners = truth[..., :4] + _chance().normal(0, 0.03, (COUNT, 2, 4)).astype(np.float32)
    scores = _chance().uniform(0.3, 1, (COUNT, 2)).astype(np.float32)
    shared = {"role": "detection", "label_key": "seen"}
    outputs = (
        Output("corners", "float32", (2, 4), "", part="boxes", **shared),
        Output("sure", "float32", (2,), "", part="scores", **shared),
        Output("what", "float32", (2,), "", part="classes", labels=("car", "bus"), **shared),
    )
    answers = {"corners": corners, "sure": scores, "what": np.maximum(truth[..., 4], 0)}
    return outputs, answers, {"corners": truth}


def embedding() -> Answers:
    values = _chance().normal(size=(COUNT, 6)).astype(np.float32)
    output = Output("vector", "float32", (6,), "", role="embedding", label_key="")
    return (output,), {"vector": values}, {}


def tensor() -> Answers:
    values = _chance().normal(3000, 400, (COUNT, 4)).astype(np.float32)
    output = Output("rest", "float32", (4,), "", role="tensor", label_key="")
    return (output,), {"rest": values}, {}


def several() -> Answers:
    parts = (classification(), regression(), embedding())
    return (
        tuple(output for outputs, _, _ in parts for output in outputs),
        {name: values for _, answers, _ in parts for name, values in answers.items()},
        {name: values for _, _, truths in parts for name, values in truths.items()},
    )


ROLES: Mapping[str, Callable[[], Answers]] = {
    made.__name__: made
    for made in (
        classification, binary, multi_label, regression, segmentation, detection, embedding, tensor,
        several,
    )
}  # fmt: skip


def facts_of(role: str, bare: Facts) -> Facts:
    """Returns the facts of a release whose model has this role, with a target that differs."""
    outputs, answers, truths = ROLES[role]()
    spec = ModelSpec(
        "given", f"A model with {role}", "For tests.", (_input(role),), outputs,
        {"quick": bare.profile}, {"mobile": {"int8": Limits(agreement=0.5, rms_diff=0.9)}},
        slice_keys=("place",),
    )  # fmt: skip
    golden = Golden({spec.inputs[0].name: _inputs(spec.inputs[0])}, answers, truths, outputs)
    quantised = {
        name: np.asarray(values + _chance().normal(0, 0.12, values.shape) * values.std())
        .astype(np.float32)
        for name, values in answers.items()
    }  # fmt: skip
    row = Check("mobile", "int8", "LiteRT 2.3.0", FAILED, bytes=90_000, p50_ms=0.4)
    check = compare(quantised, golden, Limits(agreement=0.5, rms_diff=0.9), row=row)
    manifest = {**bare.manifest, "metrics": metrics_of(golden), "checks": [check.to_json()]}
    evidence = {check.key: check.evidence} if check.evidence else {}
    return replace(bare, spec=spec, manifest=manifest, golden=golden, evidence=evidence)


def metrics_of(golden: Golden) -> dict[str, object]:
    """Returns what the Evaluator measures of these answers."""
    outputs, headlines = {}, []
    for head in heads(golden.described):
        score, truth = head.role.score_of, golden.truths.get(head.name)
        if score is None or truth is None:
            continue
        value = head.score(golden.outputs, truth)
        outputs[head.name] = {score.name: value, **head.figures(golden.outputs, truth)}
        headlines.append((score.name, score.share, value))
    name, share, value = headlines[0] if headlines else ("", False, None)
    return {
        "accuracy": value if share else None,
        "examples": len(golden),
        "slices": {"place=north": value, "place=south": value - 0.1} if value else {},
        "score": value,
        "metric": name,
        "outputs": outputs,
        "made_up": False,
        "test_split": "sha256:2",
    }


def _input(role: str) -> Tensor:
    return PICTURE if role in ("classification", "segmentation", "detection") else ROW


def _inputs(tensor: Tensor) -> Array:
    if tensor is ROW:
        return _chance().normal(size=(COUNT, 5)).astype(np.float32)
    height, width, _ = tensor.shape
    down, across = np.mgrid[:height, :width]
    return np.stack([
        np.stack([down * 4 % 256, across * 3 % 256, (down + across + 9 * row) % 256], axis=2)
        for row in range(COUNT)
    ]).astype(np.uint8)  # fmt: skip
