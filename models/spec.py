"""What a model must provide to go through the pipeline: one frozen ``ModelSpec``, in one folder.

``models/<name>/`` holds, under the same names for every model:

    spec.py          SPEC, what this module types
    data.py          fetch(cache), examples(cache, split, limit)
    features.py      FEATURES, preprocessing_fn(inputs), raw_inputs(features)
    network.py       build(learnt, hyperparameters), compile(model, …), augment(inputs, seed)
    schema.pbtxt     the curated schema, which data is validated against
    README.md        the model's card

Adding a model is adding a folder; no line elsewhere names one.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from core.errors import UserError

FOLDER = Path(__file__).resolve().parent
SPLITS = ("train", "eval", "test")


class UnknownModelError(UserError):
    """The named model has no folder below models/."""


class UnknownProfileError(UserError):
    """The model has no profile of that name."""


@dataclass(frozen=True)
class Tensor:
    """An input or output of ``serving_default``.

    Attributes:
        name: its alias in the signature.
        dtype: the element type, such as ``float32``, or ``string``.
        shape: without the batch dimension.
        description: for the people who write a client.
        minimum, maximum: the range of values, where it is bounded.
        kind: what a client may offer to fill it with: ``tensor``, or ``image`` (height, width,
            channels).
        missing: what a client sends for a value that it does not have; None where it must have
            one. It may lie outside of the range.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    description: str
    minimum: float | None = None
    maximum: float | None = None
    kind: str = "tensor"
    missing: float | str | None = None

    @property
    def numpy_dtype(self) -> str:
        """Returns NumPy's name of the element type."""
        return "str" if self.dtype == "string" else self.dtype


@dataclass(frozen=True)
class Limits:
    """How far a converted model may be from the SavedModel.

    Attributes:
        agreement: least share of examples with the SavedModel's top class.
        max_abs_diff: largest difference of any output; None leaves it unbounded.
        accuracy_drop: most accuracy lost against the SavedModel on the same examples.
        class_drop: the same for each true class on its own; None leaves it unbounded.
        min_runtime: the oldest TensorFlow Lite release that must load the file, such as ``2.14``;
            None accepts any.
        required: whether a release may go out without it.
    """

    agreement: float
    max_abs_diff: float | None = None
    accuracy_drop: float = 0.005
    class_drop: float | None = None
    min_runtime: str | None = None
    required: bool = True


@dataclass(frozen=True)
class Range:
    """Between which numbers ``fanout tune`` looks for a hyperparameter's best value.

    Attributes:
        low, high: both may be taken; between two whole numbers only whole ones are.
        log: whether every order of magnitude is tried as often, as a learning rate wants it.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Profile:
    """How much of the data to train on, for how long, and what the result must reach.

    Attributes:
        examples: for each split, how many examples to take; None takes all.
        hyperparameters: handed to the model's network module as they are.
        min_accuracy: least accuracy on the test split, or the Evaluator does not bless.
        min_slice_accuracy: the same for each value of every slice key.
        max_accuracy_drop: most accuracy lost against the current release.
        web_examples: how many test examples the page's default engine is checked on, the other
            engines and forms of the weights on a fifth of them; None: all.
        max_slice_accuracy_drop: most accuracy lost against the current release on any value of a
            slice key; a slice is smaller than the whole, so chance moves it further.
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
    """From when on what clients send is no longer what the model was trained on.

    Attributes:
        numeric: most Jensen-Shannon divergence of a number's distribution, from 0 to 1.
        categorical: most that a value's share may have changed (L-infinity distance).
        limits: other limits for single features, by name; those a run of ``fanout monitor`` lists.
        min_requests: fewer examples in the log than that say nothing.
    """

    numeric: float = 0.1
    categorical: float = 0.1
    limits: Mapping[str, float] = field(default_factory=dict)
    min_requests: int = 200


@dataclass(frozen=True)
class ModelSpec:
    """A model's contract with the pipeline, its targets and its clients.

    Attributes:
        name: its folder below models/, its servable name, its file names.
        title, description: for people.
        inputs, outputs: of ``serving_default``; the first output holds the class probabilities.
        labels: the class names, in the order of the output.
        label_key: the feature that holds the true class as an index.
        slice_keys: features whose values are also evaluated one by one.
        encoded_input: the feature that holds an encoded picture, which ``serving_bytes`` takes;
            None for models without pictures.
        profiles: by name; ``default`` and ``quick`` must be there.
        limits: for each target, for each variant that it makes; the page of the web target starts
            with its first one.
        search: what ``fanout tune`` may change of a profile's hyperparameters, by name: a Range, or
            a tuple of the values to choose from. The profile's own value is one of them.
        golden_examples: how many examples a release carries for its clients' smoke tests.
        monitoring: how far the server's requests may be from the training data.
    """

    name: str
    title: str
    description: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    labels: tuple[str, ...]
    profiles: Mapping[str, Profile]
    limits: Mapping[str, Mapping[str, Limits]]
    label_key: str = "label"
    slice_keys: tuple[str, ...] = field(default=("label",))
    encoded_input: str | None = None
    search: Mapping[str, Range | tuple[float | str, ...]] = field(default_factory=dict)
    golden_examples: int = 16
    monitoring: Monitoring = Monitoring()

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def schema(self) -> Path:
        """Returns the curated schema's path."""
        return self.folder / "schema.pbtxt"

    def slice_name(self, key: str) -> str:
        """Returns ``label=3`` as the class's name, every other slice as it is."""
        feature, _, value = key.partition("=")
        known = feature == self.label_key and value.isdecimal() and int(value) < len(self.labels)
        return self.labels[int(value)] if known else key

    def module_name(self, part: str) -> str:
        """Returns the dotted name of one of the model's modules, such as ``features``."""
        return f"models.{self.name}.{part}"

    def module(self, part: str) -> ModuleType:
        """Returns one of the model's modules, imported."""
        return importlib.import_module(self.module_name(part))

    def profile(self, name: str) -> Profile:
        """Returns a profile. Raises UnknownProfileError, which lists those there are."""
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles))
            raise UnknownProfileError(
                f"unknown profile {name!r} of model {self.name!r}; it has: {known}"
            )
        return self.profiles[name]


def known_models() -> list[str]:
    """Returns the names of the models that have a folder here."""
    return sorted(file.parent.name for file in FOLDER.glob("*/spec.py"))


def load(name: str) -> ModelSpec:
    """Returns the spec of a model. Raises UnknownModelError, which lists those there are."""
    if name not in known_models():
        raise UnknownModelError(f"unknown model {name!r}; models/ has: {', '.join(known_models())}")
    spec: ModelSpec = importlib.import_module(f"models.{name}.spec").SPEC
    return spec
