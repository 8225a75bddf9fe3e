"""Tries a model out on made-up inputs: whether it can be compared at all, and on which inputs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.brought.batches import in_batches
from models.brought.opened import Call, Opened
from models.roles.role import size_of
from models.roles.table import heads
from pipeline.new.answers import Answer, Seen, inferred
from pipeline.new.operations import last_operations
from pipeline.new.places import ATTEMPTS, Place, at_attempt

# The number of made-up inputs that show whether the model distinguishes inputs.
PROBES = 16
# A table of more ids than this cannot be in a file of the size that is allowed.
MOST_IDS = 1 << 24
# Two answers to one input that differ by more, relative to the largest, are two answers. What is
# added up in another order differs by a thousandth of that.
TWICE = 1e-3
Predict = Callable[[Mapping[str, Array]], dict[str, Array]]


@dataclass(frozen=True)
class Tried:
    """A model that was tried out.

    Attributes:
        inputs: its inputs, with the ranges in which it distinguishes inputs.
        outputs: its outputs, with their roles.
        batch: the number of examples that it takes at once; None if it takes any number.
        left_out: what is left out or unusual, as sentences.
        probes: the made-up inputs, by the model's own names.
        spread: for each output, by its name here, the largest difference between its answers,
            relative to the largest of them.
        undecided: the outputs whose decisions are the same for all made-up inputs.
    """

    inputs: tuple[Place, ...]
    outputs: tuple[Answer, ...]
    batch: int | None
    left_out: tuple[str, ...]
    probes: Mapping[str, Array]
    spread: Mapping[str, float]
    undecided: tuple[str, ...]


def tried(
    source: object, opened: Opened, places: Sequence[Place], roles: Mapping[str, str]
) -> Tried:
    """Returns what shows when a model is run.

    Args:
        source: the model's file, for messages.
        opened: the model.
        places: its inputs.
        roles: the roles that the user gives.

    Raises:
        UserError: it cannot be run on made-up inputs, answers one input in two ways, or its
            answers cannot be compared.
    """
    fixed = _stated_batch(opened)
    one_by_one = predictor(in_batches(opened.call, fixed))
    places = _with_tried_ids(places, one_by_one)
    batch, notes = _batch(source, opened, places, fixed)
    predict = predictor(in_batches(opened.call, batch))
    kept, left_out = _kept(source, predict(_made(places, PROBES)))
    operations = _operations(opened, places, batch)
    found: list[tuple[int, Tried]] = []
    for attempt in range(ATTEMPTS):
        inputs = at_attempt(places, attempt)
        if attempt and inputs == tuple(places):
            break
        probes = _made(inputs, PROBES)
        try:
            answers = predict(probes)
        except _failures():
            continue
        seen = [Seen(name, answers[name], operations.get(name, "")) for name in kept]
        if not all(np.isfinite(each.values.astype(np.float64)).all() for each in seen):
            continue
        outputs = inferred(seen, inputs, roles)
        new = _tried(inputs, outputs, probes, answers)
        found.append((-len(new.undecided), new))
        if not new.undecided:
            break
    if not found:
        raise UserError(
            f"{source} answers made-up inputs with NaN or infinity, so there is nothing to compare"
        )
    # Of those that distinguish equally many outputs, the first.
    best = max(found, key=lambda each: each[0])[1]
    return replace(best, batch=batch, left_out=(*notes, *left_out))


def _tried(
    inputs: tuple[Place, ...],
    outputs: tuple[Answer, ...],
    probes: Mapping[str, Array],
    answers: Mapping[str, Array],
) -> Tried:
    named = {each.output.name: answers[each.theirs].astype(np.float64) for each in outputs}
    spread = {
        name: float(np.ptp(values, axis=0).max(initial=0.0)) / size_of(values)
        for name, values in named.items()
    }
    # Each answer is compared with that to the input before.
    before = {name: np.roll(values, 1, axis=0) for name, values in named.items()}
    undecided = tuple(
        head.name
        for head in heads(each.output for each in outputs)
        # NaN stands for a tie.
        if not (head.same(named, before) < 1).any()
    )
    return Tried(inputs, outputs, None, (), probes, spread, undecided)


def _stated_batch(opened: Opened) -> int:
    """Returns the batch size that the model's inputs have; 1 where it is open."""
    sizes = {spec.shape[0] for spec in opened.inputs.values() if spec.shape.rank}
    return next((size for size in sizes if size is not None), 1)


def _batch(
    source: object, opened: Opened, places: Sequence[Place], fixed: int
) -> tuple[int | None, tuple[str, ...]]:
    """Returns how many examples the model takes at once, and what to say about it.

    Raises:
        UserError: the model cannot be run, or answers the same input in two ways.
    """
    probes = _made(places, PROBES)
    one = predictor(in_batches(opened.call, fixed))
    try:
        rows = _one_by_one(one, probes)
        again = _one_by_one(one, probes)
    except _failures() as error:
        raise UserError(
            f"{source} cannot be run on made-up inputs: {' '.join(str(error).split())[:400]}"
        ) from error
    if (apart := _difference(rows, again)) > TWICE:
        raise UserError(
            f"{source} gives two answers to the same input, which differ by {apart:.2g} of the "
            "largest: it has something random in it, such as dropout, or counts its calls. Export "
            "it as it is used, with training=False"
        )
    try:
        together = predictor(opened.call)(probes)
    except _failures():
        return fixed, (
            f"batches: the model takes {fixed} at once, so larger batches are run one by one",
        )
    if _difference(rows, together) > TWICE:
        return fixed, (
            "NOTE: the answer to an input depends on the other inputs in its batch, so batches are "
            "run one by one. If that is not intended, export the model with training=False",
        )
    return None, ()


def _one_by_one(predict: Predict, probes: Mapping[str, Array]) -> dict[str, Array]:
    """Returns the answers to each of the first probes alone."""
    first = [
        predict({name: values[row : row + 1] for name, values in probes.items()})
        for row in range(2)
    ]
    by_example = [name for name, values in first[0].items() if values.ndim]
    return {name: np.concatenate([each[name] for each in first]) for name in by_example}


def _difference(one: Mapping[str, Array], other: Mapping[str, Array]) -> float:
    """Returns the largest difference of numbers in the rows that both have, as a share."""
    largest = 0.0
    for name, values in one.items():
        same_rows = other[name][: len(values)]
        if values.dtype.kind in "OSU":
            continue
        if same_rows.shape != values.shape:
            return float("inf")
        numbers, others = (np.nan_to_num(each.astype(np.float64)) for each in (values, same_rows))
        largest = max(largest, float(np.abs(numbers - others).max(initial=0)) / size_of(numbers))
    return largest


def _kept(source: object, answers: Mapping[str, Array]) -> tuple[list[str], list[str]]:
    """Returns the outputs that can be compared, and what to say about the others."""
    left_out = {}
    for name, values in answers.items():
        if values.dtype.kind in "OSU":
            left_out[name] = "its values are texts"
        elif values.dtype.kind == "c":
            left_out[name] = "its values are complex numbers"
        elif not values.ndim or len(values) != PROBES:
            left_out[name] = "it is not one answer for each example"
        elif not values.size:
            left_out[name] = "it is empty"
    kept = [name for name in answers if name not in left_out]
    said = [f"the output {name} is left out, as {why}" for name, why in left_out.items()]
    if not kept:
        raise UserError(
            f"{source} has no output of numbers for each example, which could be compared: "
            f"{'; '.join(said) or 'it has none'}"
        )
    return kept, said


def _with_tried_ids(places: Sequence[Place], predict: Predict) -> tuple[Place, ...]:
    """Returns the inputs with the number of ids of those that refuse a larger one.

    Nothing says what such integers are; looking up an id that a table does not have is an error.
    """
    return tuple(
        replace(place, tried=_ids(place, places, predict))
        if place.is_assumed and place.dtype.startswith("int")
        else place
        for place in places
    )


def _ids(place: Place, places: Sequence[Place], predict: Predict) -> int | None:
    most = min(MOST_IDS, int(np.iinfo(place.dtype).max))

    def refuses(value: int) -> bool:
        values = {
            other.theirs: np.full((1, *other.shape), "" if other.dtype == "string" else 0)
            for other in places
        }
        values[place.theirs] += value
        given = {other.theirs: values[other.theirs].astype(_numpy(other)) for other in places}
        try:
            predict(given)
        except _failures():
            return True
        return False

    if refuses(0) or not refuses(most):
        return None
    known, refused = 0, most
    while refused - known > 1:
        middle = (known + refused) // 2
        known, refused = (known, middle) if refuses(middle) else (middle, refused)
    return refused


def _made(places: Sequence[Place], count: int) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {place.theirs: place.made_up(count, random) for place in places}


def predictor(call: Call) -> Predict:
    """Returns the call as a function of NumPy's arrays."""
    import tensorflow as tf

    def predict(inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: tf.convert_to_tensor(values) for name, values in inputs.items()}
        return {name: np.asarray(values) for name, values in call(given).items()}

    return predict


def _operations(opened: Opened, places: Sequence[Place], batch: int | None) -> dict[str, str]:
    import tensorflow as tf

    specs = {place.theirs: tf.TensorSpec((batch, *place.shape), place.dtype) for place in places}
    return last_operations(tf.function(opened.call).get_concrete_function(specs))


def _failures() -> tuple[type[Exception], ...]:
    """Returns what a model raises for inputs that it cannot take."""
    import tensorflow as tf

    return tf.errors.OpError, ValueError, TypeError


def _numpy(place: Place) -> Any:
    return object if place.dtype == "string" else place.dtype
