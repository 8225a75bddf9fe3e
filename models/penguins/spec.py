"""What the pipeline, the targets and the clients need to know about the penguins model."""

from models.penguins.columns import COLUMNS, LABELS
from models.spec import Limits, ModelSpec, Output, Profile, Range

EXACT = Limits(agreement=0.9999, max_diff=1e-5, accuracy_drop=0.0005)
QUICK = Profile(
    examples={"train": None, "eval": None, "test": None},
    hyperparameters={"epochs": 60, "batch_size": 16, "learning_rate": 0.02, "seed": 7},
    # The usual 0.983 is 113 of 115 penguins. For one of the other two, only the island is known.
    min_accuracy=0.97,
    # Chinstrap, the rarest species, reaches 0.91: 21 of 23.
    min_slice_accuracy=0.85,
    max_accuracy_drop=0.02,
    web_examples=None,
)

SPEC = ModelSpec(
    name="penguins",
    title="Palmer penguins",
    description="Identifies a penguin's species from its measurements, its island and its sex.",
    inputs=COLUMNS.tensors(
        descriptions={
            "bill_length_mm": "Length of the bill in millimetres.",
            "bill_depth_mm": "Depth of the bill in millimetres.",
            "flipper_length_mm": "Length of the flipper in millimetres.",
            "body_mass_g": "Body mass in grams.",
            "island": "The island where it was seen: Biscoe, Dream or Torgersen.",
            "sex": "The sex: female or male.",
        },
        ranges={
            "bill_length_mm": (20.0, 80.0),
            "bill_depth_mm": (10.0, 30.0),
            "flipper_length_mm": (120.0, 280.0),
            "body_mass_g": (1500.0, 9000.0),
        },
    ),
    outputs=(
        Output(
            name="probabilities",
            dtype="float32",
            shape=(3,),
            description="The probability of each species, in the order of the labels.",
            minimum=0.0,
            maximum=1.0,
        ),
    ),
    labels=LABELS,
    slice_keys=("label", "island"),
    profiles={"default": QUICK, "quick": QUICK},
    search={"learning_rate": Range(0.002, 0.2, log=True), "batch_size": (8, 16, 32)},
    limits={
        "serving": {"float32": EXACT},
        "mobile": {"float32": EXACT, "float16": Limits(agreement=0.99, max_diff=1e-2)},
        "web": {"float32": Limits(agreement=0.9999, max_diff=1e-4, accuracy_drop=0.0005)},
    },
)
