"""The columns of the table that the network takes, and the one that it predicts."""

from models.columns import Columns
from models.targets import Target

COLUMNS = Columns(
    numbers=("carat", "depth", "table", "x", "y", "z"),
    texts=("cut", "color", "clarity"),
    targets=(Target("price", output="price", role="regression", unit="US$", title="price"),),
)
