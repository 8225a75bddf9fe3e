"""What the pipeline, the targets and the clients need to know about the nuclei model."""

from models.nuclei.tiles import LABELS, SIZE
from models.spec import Limits, ModelSpec, Output, Profile, Range, Tensor

EXACT = Limits(agreement=0.999, max_diff=1e-4)
DEFAULT = Profile(
    examples={"train": None, "eval": None, "test": None},
    hyperparameters={"epochs": 10, "batch_size": 16, "learning_rate": 0.003, "seed": 7},
    # With two seeds 0.919 and 0.921; the best threshold for grey values reaches 0.825.
    min_accuracy=0.9,
    min_slice_accuracy=0.0,
    max_accuracy_drop=0.02,
)
QUICK = Profile(
    examples={"train": 160, "eval": None, "test": None},
    hyperparameters={"epochs": 8, "batch_size": 16, "learning_rate": 0.01, "seed": 7},
    min_accuracy=0.88,
    min_slice_accuracy=0.0,
    max_accuracy_drop=0.05,
    web_examples=None,
)

SPEC = ModelSpec(
    name="nuclei",
    title="Cell nuclei",
    description="Marks the cell nuclei in a piece of a fluorescence microscope's picture.",
    inputs=(
        Tensor(
            name="image",
            dtype="float32",
            shape=SIZE.shape,
            description="Grey values; a nucleus is about 20 pixels long.",
            minimum=0.0,
            maximum=255.0,
            kind="image",
        ),
    ),
    outputs=(
        Output(
            name="mask",
            dtype="float32",
            shape=(SIZE.height, SIZE.width, len(LABELS)),
            description="The probability of each class for each pixel, in the labels' order.",
            minimum=0.0,
            maximum=1.0,
            role="segmentation",
            labels=LABELS,
            label_key="mask",
        ),
    ),
    slice_keys=(),
    encoded_input="image",
    profiles={"default": DEFAULT, "quick": QUICK},
    search={"learning_rate": Range(0.001, 0.02, log=True), "batch_size": (8, 16, 32)},
    limits={
        "serving": {"float32": EXACT},
        "mobile": {
            "float32": EXACT,
            "float16": Limits(agreement=0.99, max_diff=2e-2),
            "int8": Limits(agreement=0.97, accuracy_drop=0.03),
        },
        "web": {"float32": EXACT},
    },
)
