"""What the pipeline, the targets and the clients need to know about the motions model."""

from models.motions.windows import CHANNELS, LABELS, STEPS
from models.spec import Limits, ModelSpec, Output, Profile, Range, Tensor

EXACT = Limits(agreement=0.9999, max_diff=1e-5, accuracy_drop=0.0005)
QUICK = Profile(
    examples={"train": None, "eval": None, "test": None},
    hyperparameters={"epochs": 40, "batch_size": 32, "learning_rate": 0.005, "seed": 7},
    min_accuracy=0.95,
    min_slice_accuracy=0.85,
    max_accuracy_drop=0.02,
    web_examples=None,
)

SPEC = ModelSpec(
    name="motions",
    title="Watch motions",
    description="Recognises what a person does from three seconds of a watch's measurements.",
    inputs=(
        Tensor(
            name="motion",
            dtype="float32",
            shape=(STEPS, len(CHANNELS)),
            description="Ten times per second: acceleration, then rotation, along x, y and z.",
            minimum=-60.0,
            maximum=60.0,
        ),
    ),
    outputs=(
        Output(
            name="probabilities",
            dtype="float32",
            shape=(len(LABELS),),
            description="The probability of each activity, in the order of the labels.",
            minimum=0.0,
            maximum=1.0,
        ),
    ),
    labels=LABELS,
    profiles={"default": QUICK, "quick": QUICK},
    search={"learning_rate": Range(0.001, 0.02, log=True), "batch_size": (16, 32, 64)},
    limits={
        "serving": {"float32": EXACT},
        "mobile": {"float32": EXACT, "int8": Limits(agreement=0.96, accuracy_drop=0.02)},
        "web": {"float32": Limits(agreement=0.9999, max_diff=1e-4, accuracy_drop=0.0005)},
    },
)
