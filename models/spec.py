"""The definition that a model provides to the pipeline: one frozen ``ModelSpec`` in one folder.

``models/<name>/`` has the same file names for every model:

    spec.py          SPEC, of the types in this module
    data.py          fetch(cache), examples(cache, split, limit)
    features.py      FEATURES, preprocessing_fn(inputs), raw_inputs(features)
    network.py       build(learnt, hyperparameters), compile(model, …), and augment(inputs, seed)
                     or, for true answers that change too, augment_both(inputs, truths, seed)
    schema.pbtxt     the curated schema that the data is validated against
    README.md        the model card

To add a model, add a folder; no code elsewhere names a model.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from types import ModuleType

from core.errors import UserError
from models import places

SPLITS = ("train", "eval", "test")
# A batch has at most this many numbers, 32 MB as float32: all examples of 224 x 224 x 3 of a data
# set at once would not fit into memory.
BATCH_VALUES = 1 << 23


class UnknownModelError(UserError):
    """The named model has no folder below models/."""


class UnknownProfileError(UserError):
    """The model has no profile of that name."""


@dataclass(frozen=True)
class Tensor:
    """An input or output of ``serving_default``.

    Attributes:
        name: its alias in the signature.
        dtype: the element type: ``string``, or a number type such as ``float32``.
        shape: the shape without the batch dimension.
        description: a description for the people who write a client.
        minimum, maximum: the range of values, where it is bounded.
        kind: the kind of input that a client may offer: ``tensor``, or ``image`` (height, width,
            channels).
        missing: what a client sends for a value that it does not have; None where a value is
            required. It may lie outside the range.
        padding: for a sequence of varying length, whose steps are along the first axis, the value
            that fills its end on devices, where the length is fixed; there, a longer one is cut to
            its first steps. None where the length does not vary.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    kind: str = "tensor"
    missing: float | str | None = None
    padding: float | str | None = None

    @property
    def numpy_dtype(self) -> str:
        """Returns NumPy's name for the element type."""
        return "str" if self.dtype == "string" else self.dtype


@dataclass(frozen=True)
class Output(Tensor):
    """An output of ``serving_default``, and what its numbers mean.

    Attributes:
        role: the name of its role in ``models/roles/table.py``, such as ``regression``.
        labels: the names of its classes, in the order of its values; empty where it has none.
        unit: the unit of its numbers, such as ``°C``; empty where there is none.
        threshold: the value above which it says yes, for the roles that have one.
        label_key: the feature that holds its true answer; empty where there is none.
        part: for ``detection``, whether it has the boxes, the scores or the classes.
        box_format: for boxes, the order of their corners and their unit, by Keras' names: ``yxyx``
            (top, left, bottom, right) or ``xyxy`` in pixels of the model's picture; with ``rel_``
            before it, in shares of the picture's height and width.
    """

    role: str = "classification"
    labels: tuple[str, ...] = ()
    unit: str = ""
    threshold: float = 0.5
    label_key: str = "label"
    part: str = ""
    box_format: str = "rel_yxyx"


@dataclass(frozen=True)
class Limits:
    """How far a converted model may be from the SavedModel.

    Attributes:
        agreement: the smallest allowed share of examples with the SavedModel's decision: its top
            class, or what the output's role says.
        max_diff: the largest allowed difference of any output, relative to the SavedModel's largest
            output.
        rms_diff: the largest allowed root mean square of the differences, relative to that of the
            SavedModel's outputs; it suits quantised variants.
        max_abs_diff: the largest allowed difference of any output, in the output's own unit. A
            variant with none of these three has the bound that core/agreement/bounds.py gives its
            kind of weights.
        accuracy_drop: the largest allowed loss of accuracy, or of the score that the output's
            role has, against the SavedModel on the same examples.
        class_drop: the same limit for each true class separately; None leaves it unbounded.
        min_runtime: the oldest TensorFlow Lite release that must load the file, such as ``2.14``;
            None accepts any.
        required: whether a release needs this variant to pass.
    """

    agreement: float
    max_abs_diff: float | None = None
    max_diff: float | None = None
    rms_diff: float | None = None
    accuracy_drop: float = 0.005
    class_drop: float | None = None
    min_runtime: str | None = None
    required: bool = True


@dataclass(frozen=True)
class Range:
    """The range in which ``fanout tune`` searches for a hyperparameter's best value.

    Attributes:
        low, high: the inclusive bounds; if both are integers, only integers are tried.
        log: whether every order of magnitude is tried equally often, as suits a learning rate.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Profile:
    """How much data to train on, for how long, and the accuracy that the result must reach.

    Attributes:
        examples: for each split, the number of examples to take; None takes all.
        hyperparameters: passed unchanged to the model's network module.
        min_accuracy: the accuracy on the test split below which the Evaluator does not bless; for
            outputs without classes, the score that their role has, such as R².
        min_slice_accuracy: the same limit for each value of every slice key.
        max_accuracy_drop: the largest allowed loss of accuracy against the current release.
        web_examples: the number of test examples for the check of the page's default engine; the
            other engines and forms of the weights are checked on a fifth of them. None checks
            all.
        max_slice_accuracy_drop: the largest allowed loss of accuracy against the current release
            on any value of a slice key. A slice is smaller than the whole, so chance moves it
            further.
    """

    examples: Mapping[str, int | None]
    hyperparameters: Mapping[str, float | int | str]
    min_accuracy: float
    min_slice_accuracy: float
    max_accuracy_drop: float
    web_examples: int | None = 2000
    max_slice_accuracy_drop: float = 0.1


@dataclass(frozen=True)
class Monitoring:
    """Drift limits: beyond them, requests no longer look like the training data.

    Attributes:
        numeric: the largest allowed Jensen-Shannon divergence of a number's distribution, from 0
            to 1.
        categorical: the largest allowed change of a value's share (L-infinity distance).
        limits: other limits for single features, by name; ``fanout monitor`` lists the names.
        min_requests: the number of logged examples below which nothing can be concluded.
    """

    numeric: float = 0.1
    categorical: float = 0.1
    limits: Mapping[str, float] = field(default_factory=dict)
    min_requests: int = 200


@dataclass(frozen=True)
class ModelSpec:
    """A model's contract with the pipeline, its targets and its clients.

    Attributes:
        name: the name of its folder below models/, of its servable and of its files.
        title, description: texts for people.
        inputs, outputs: the tensors of ``serving_default``. An output that is a plain ``Tensor``
            holds the values of the classes ``labels``.
        labels: the class names of the first output, in the order of its values.
        label_key: the feature that holds the true class as an index.
        slice_keys: features whose values are also evaluated separately.
        encoded_input: the feature that holds an encoded picture, which ``serving_bytes`` takes;
            None for models without pictures.
        profiles: the profiles by name; ``default`` and ``quick`` are required.
        limits: the limits of each variant that each target makes; the web target's page starts
            with its first variant.
        search: the hyperparameters of a profile that ``fanout tune`` may change, by name: a Range,
            or a tuple of the values to choose from, which include the profile's own value.
        golden_examples: the number of examples that a release carries for smoke tests by clients.
        monitoring: how far the server's requests may drift from the training data.
        made_up: whether the examples are made up because there is no data. Their true answers, if
            they have any, are the model's own: a score says how much of the model a target keeps,
            not how good the model is.
    """

    name: str
    title: str
    description: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Output, ...]
    profiles: Mapping[str, Profile]
    limits: Mapping[str, Mapping[str, Limits]]
    labels: tuple[str, ...] = ()
    label_key: str = "label"
    slice_keys: tuple[str, ...] = field(default=("label",))
    encoded_input: str | None = None
    search: Mapping[str, Range | tuple[float | str, ...]] = field(default_factory=dict)
    golden_examples: int = 16
    monitoring: Monitoring = Monitoring()
    made_up: bool = False

    def __post_init__(self) -> None:
        # Folders from before outputs had roles describe a classification by a Tensor.
        outputs = tuple(
            output
            if isinstance(output, Output)
            else Output(**vars(output), label_key=self.label_key)
            for output in self.outputs
        )
        if len(outputs) == 1 and not outputs[0].labels:
            outputs = (replace(outputs[0], labels=self.labels),)
        object.__setattr__(self, "outputs", outputs)
        named = next((output.labels for output in outputs if output.labels), ())
        object.__setattr__(self, "labels", self.labels or named)

    @property
    def label_keys(self) -> dict[str, str]:
        """Returns the feature that holds each output's true answer, of the outputs that have it."""
        return {output.name: output.label_key for output in self.outputs if output.label_key}

    def batch(self, most: int) -> int:
        """Returns how many examples to hold in memory at once: ``most``, fewer of large ones."""
        tensors = (*self.inputs, *self.outputs)
        values = sum(prod(tensor.shape) for tensor in tensors)
        return max(1, min(most, BATCH_VALUES // max(values, 1)))

    @property
    def answers(self) -> set[str]:
        """Returns the features that hold true answers, which no client has."""
        return {self.label_key, *self.label_keys.values()}

    @property
    def folder(self) -> Path:
        return places.folder_of(self.name)

    @property
    def schema(self) -> Path:
        """Returns the curated schema's path."""
        return self.folder / "schema.pbtxt"

    def slice_name(self, key: str) -> str:
        """Returns the class name for ``label=3``, and every other slice key unchanged."""
        feature, _, value = key.partition("=")
        named = (output.labels for output in self.outputs if output.label_key == feature)
        labels = next(named, ())
        return labels[int(value)] if value.isdecimal() and int(value) < len(labels) else key

    def module_name(self, part: str) -> str:
        """Returns the dotted name of one of the model's modules, such as ``features``."""
        return f"models.{self.name}.{part}"

    def module(self, part: str) -> ModuleType:
        """Returns one of the model's modules, imported."""
        return importlib.import_module(self.module_name(part))

    def profile(self, name: str) -> Profile:
        """Returns a profile. Raises UnknownProfileError, which lists the known profiles."""
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles))
            raise UnknownProfileError(
                f"unknown profile {name!r} of model {self.name!r}; it has: {known}"
            )
        return self.profiles[name]


def known_models() -> list[str]:
    """Returns the names of the models that have a folder below models/, or in FANOUT_MODELS."""
    return sorted(
        file.parent.name for folder in places.folders() for file in folder.glob("*/spec.py")
    )


def load(name: str) -> ModelSpec:
    """Returns a model's spec. Raises UnknownModelError, which lists the known models."""
    if name not in known_models():
        where = " and ".join(str(folder) for folder in [*places.folders()][1:])
        raise UnknownModelError(
            f"unknown model {name!r}; models/{f' and {where}' if where else ''} has: "
            f"{', '.join(known_models())}"
        )
    spec: ModelSpec = importlib.import_module(f"models.{name}.spec").SPEC
    return spec
