"""The columns of the table that the network takes, and the classes it knows."""

from models.columns import Columns

COLUMNS = Columns(
    numbers=("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"),
    texts=("island", "sex"),
)
LABELS = ("Adelie", "Chinstrap", "Gentoo")
