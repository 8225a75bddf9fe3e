"""Makes a model's folder from a .keras file or a SavedModel, which is checked but not trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import UserError
from models.existing import digest_of, load_keras
from models.places import OWN
from pipeline.new import folder
from pipeline.new.places import Place, Predict, with_ranges, with_tried_ids
from pipeline.new.readers import readings
from pipeline.new.schema import HEAD, label, numbers

MAX_BYTES = 1 << 30
# Above this, sixteen examples would make golden.json many megabytes.
LARGE_ELEMENTS = 5000
# If the answers to made-up inputs differ by less, the model does not distinguish inputs.
ALIKE = 1e-5
# The ends of the names of layers whose operators TensorFlow Lite leaves in float32 in the variant
# int8, and therefore refuses in the variant that has nothing but bytes.
_FLOATS = ("Attention", "LayerNormalization", "RMSNormalization")


@dataclass(frozen=True)
class ModelFacts:
    """The facts about a model.

    Attributes:
        inputs: its inputs.
        output: the name of its output; empty where it has only one.
        classes: the width of its output.
        spread: the largest difference between its answers to made-up inputs.
        needs_floats: whether it has layers that eight bits cannot hold.
    """

    inputs: tuple[Place, ...]
    output: str
    classes: int
    spread: float = 0.0
    needs_floats: bool = False


def create(
    name: str, source: Path, *, trusted: bool = False, models: Path = OWN
) -> tuple[Path, str]:
    """Returns the new folder, which has a copy of the model, and the facts about it in words.

    Args:
        source: a ``.keras`` file, or a SavedModel's folder.
        trusted: whether Python code in a ``.keras`` file may be run.

    Raises:
        UserError: the model cannot be loaded, or its inputs or output do not fit all targets.
    """
    folder.check_name(name, models)
    _check_size(source)
    facts = _look_at_saved_model(source) if source.is_dir() else _look_at_keras(source, trusted)
    _check(source, facts)
    copied = "saved_model" if source.is_dir() else "model.keras"
    values = _values(name, source, facts, copied, trusted)
    written = folder.write(name, "existing", values, models, {copied: source})
    return written, _report(facts)


def _check_size(source: Path) -> None:
    if not source.exists():
        raise UserError(f"{source} does not exist")
    files = source.rglob("*") if source.is_dir() else iter([source])
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size > MAX_BYTES:
        raise UserError(f"{source} must have at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB")


def _look_at_keras(file: Path, trusted: bool) -> ModelFacts:
    model = load_keras(file, trusted=trusted)
    # A Sequential model has outputs, but no output until it is called.
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise UserError(
            f"{file} holds a subclassed model, which does not record its inputs; give its "
            "SavedModel (model.export) with --saved-model"
        )
    kinds = {type(layer).__name__ for layer in _layers(model)}
    rescales = bool(kinds & {"Rescaling", "Normalization"})
    inputs = tuple(
        _place(tensor.name, tensor.dtype, tensor.shape, file).known(reading, rescales=rescales)
        for tensor, reading in zip(model.inputs, readings(model), strict=True)
    )
    if isinstance(getattr(model, "output", None), dict):
        [(output, tensor), *more] = model.output.items()
    else:
        output, tensor, more = "", model.outputs[0], list(model.outputs[1:])
    _one_output(file, len(more) + 1)
    needs_floats = any(kind.endswith(_FLOATS) for kind in kinds)
    classes = _classes(file, tensor.shape)
    facts = ModelFacts(inputs, output, classes, needs_floats=needs_floats)

    def call(values: Mapping[str, Any]) -> Any:
        ordered = [values[place.theirs] for place in inputs]
        answer = model(ordered if len(ordered) > 1 else ordered[0], training=False)
        return answer[output] if isinstance(answer, dict) else answer

    return _tried_out(file, facts, call)


def _look_at_saved_model(source: Path) -> ModelFacts:
    import tensorflow as tf

    if not (source / "saved_model.pb").is_file():
        raise UserError(f"{source} is not a SavedModel: it has no saved_model.pb")
    try:
        loaded = tf.saved_model.load(str(source))
    except Exception as error:
        raise UserError(f"{source} cannot be loaded: {str(error)[:300]}") from error
    if "serving_default" not in loaded.signatures:
        raise UserError(
            f"{source} has no signature serving_default; it has: "
            f"{', '.join(loaded.signatures) or 'none'}"
        )
    signature = loaded.signatures["serving_default"]
    inputs = tuple(
        _place(name, spec.dtype.name, tuple(spec.shape), source)
        for name, spec in sorted(signature.structured_input_signature[1].items())
    )
    _one_output(source, len(signature.structured_outputs))
    [(output, spec)] = signature.structured_outputs.items()
    facts = ModelFacts(inputs, output, _classes(source, tuple(spec.shape)))

    def call(values: Mapping[str, Any]) -> Any:
        return signature(**{name: tf.constant(each) for name, each in values.items()})[output]

    return _tried_out(source, facts, call, tries_ids=True)


def _tried_out(
    source: Path, facts: ModelFacts, predict: Predict, *, tries_ids: bool = False
) -> ModelFacts:
    import tensorflow as tf

    try:
        inputs = with_tried_ids(facts.inputs, predict) if tries_ids else facts.inputs
        inputs, spread = with_ranges(inputs, predict)
    except tf.errors.OpError as error:
        raise UserError(
            f"{source} cannot be run on made-up inputs: {' '.join(str(error).split())[:400]}"
        ) from error
    return replace(facts, inputs=inputs, spread=spread)


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _place(name: str, dtype: str, shape: tuple[int | None, ...], source: Path) -> Place:
    if any(size is None for size in shape[1:]):
        raise UserError(
            f"{source}: input {name!r} must have fixed sizes after the batch dimension, as devices "
            f"need them, got {shape}; build the model with an Input of a fixed shape and save it "
            "again"
        )
    if dtype not in {"float32", "int32", "int64"}:
        raise UserError(
            f"{source}: input {name!r} must be float32, int32 or int64, got {dtype}; for texts "
            "write a model's folder by hand, like models/penguins"
        )
    return Place(name, dtype, tuple(int(size) for size in shape[1:] if size is not None))


def _one_output(source: Path, count: int) -> None:
    if count != 1:
        raise UserError(
            f"{source} must have one output, the values of the classes, got {count} outputs"
        )


def _classes(source: Path, shape: tuple[int | None, ...]) -> int:
    if len(shape) != 2 or shape[1] is None or shape[1] < 2:
        raise UserError(
            f"{source}: the output's shape must be (batch, classes) with at least two classes, "
            f"got {shape}"
        )
    return int(shape[1])


def _check(source: Path, facts: ModelFacts) -> None:
    names = [place.name for place in facts.inputs]
    if not names or len(set(names)) != len(names):
        raise UserError(
            f"{source} must have inputs whose names differ in more than case and punctuation, "
            f"got {names}"
        )


def _values(
    name: str, source: Path, facts: ModelFacts, copied: str, trusted: bool
) -> dict[str, str]:
    schema = [
        # No other id has an answer. A range of numbers is only assumed, and stops no data.
        numbers(place.name, place.shape, place.range if place.has_ids else None)
        for place in facts.inputs
    ]
    padding = {
        place.name: place.reading.padding
        for place in facts.inputs
        if place.reading.padding is not None
    }
    large = any(place.elements > LARGE_ELEMENTS for place in facts.inputs)
    return {
        "name": name,
        "source": source.name,
        "option": "--saved-model" if source.is_dir() else "--keras",
        "copied": copied,
        "digest": digest_of(source),
        "inputs": "(\n" + "".join(place.source() for place in facts.inputs) + "    )",
        "names": folder.dict_of({place.name: place.theirs for place in facts.inputs}, 8),
        "output": folder.literal(facts.output),
        "trusted": str(trusted),
        "listed": "\n".join(
            f"  - `{place.name}`: {place.dtype} {place.shape}, {place.told}."
            for place in facts.inputs
        ),
        "whole": folder.tuple_of(tuple(place.name for place in facts.inputs if place.has_ids), 8),
        "padding": folder.dict_of(padding, 8),
        "classes": str(facts.classes),
        "bytes": (
            "# No int8_uint8, which has only bytes: layers of this model need float32."
            if facts.needs_floats
            else '"int8_uint8": QUANTISED,'
        ),
        "golden": "4" if large else "16",
        "schema": HEAD + "\n".join([*schema, label(facts.classes)]),
    }


def _report(facts: ModelFacts) -> str:
    lines = [
        f"input {place.name}: {place.dtype} {place.shape}, {place.told}" for place in facts.inputs
    ]
    lines.append(f"output: {facts.classes} classes, named class 0, class 1 …")
    if facts.spread < ALIKE:
        lines.append(
            f"NOTE: its answers to made-up inputs differ by at most {facts.spread:.0e}. Comparing "
            "them says little about the targets: put real examples into data.py"
        )
    return "\n".join(lines)
