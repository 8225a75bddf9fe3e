"""What the pipeline, the targets and the clients need to know about the diamonds model."""

from models.diamonds.columns import COLUMNS
from models.spec import Limits, ModelSpec, Profile, Range

EXACT = Limits(agreement=0.999, max_diff=1e-5, accuracy_drop=0.0005)
DEFAULT = Profile(
    examples={"train": None, "eval": None, "test": None},
    hyperparameters={"epochs": 20, "batch_size": 256, "learning_rate": 0.005, "seed": 7},
    # R². With two seeds 0.9811 and 0.9812.
    min_accuracy=0.975,
    # The worst clarity, I1, which 148 of the test stones have, reaches 0.916.
    min_slice_accuracy=0.88,
    max_accuracy_drop=0.01,
)
QUICK = Profile(
    examples={"train": 6000, "eval": 1000, "test": 1000},
    hyperparameters={"epochs": 20, "batch_size": 128, "learning_rate": 0.005, "seed": 7},
    # 0.976, and 0.914 for the 20 stones of the worst clarity.
    min_accuracy=0.96,
    min_slice_accuracy=0.8,
    max_accuracy_drop=0.02,
    web_examples=500,
)

SPEC = ModelSpec(
    name="diamonds",
    title="Prices of diamonds",
    description="Estimates a diamond's price from its weight, its quality and its measurements.",
    inputs=COLUMNS.tensors(
        descriptions={
            "carat": "Weight in carats of 0.2 grams.",
            "depth": "Depth in per cent of the width.",
            "table": "Width of the top in per cent of the whole width.",
            "x": "Length in millimetres.",
            "y": "Width in millimetres.",
            "z": "Depth in millimetres.",
            "cut": "Quality of the cut: Fair, Good, Very Good, Premium or Ideal.",
            "color": "Colour, from D, the best, to J.",
            "clarity": "Clarity, from the worst: I1, SI2, SI1, VS2, VS1, VVS2, VVS1 or IF.",
        },
        ranges={
            "carat": (0.1, 6.0),
            "depth": (40.0, 80.0),
            "table": (40.0, 100.0),
            "x": (3.0, 15.0),
            "y": (3.0, 15.0),
            "z": (1.0, 15.0),
        },
    ),
    outputs=COLUMNS.outputs,
    slice_keys=("clarity",),
    profiles={"default": DEFAULT, "quick": QUICK},
    search={"learning_rate": Range(0.001, 0.02, log=True), "batch_size": (128, 256, 512)},
    limits={
        "serving": {"float32": EXACT},
        "mobile": {"float32": EXACT, "float16": Limits(agreement=0.99, max_diff=2e-2)},
        "web": {"float32": Limits(agreement=0.999, max_diff=1e-4, accuracy_drop=0.0005)},
    },
)
