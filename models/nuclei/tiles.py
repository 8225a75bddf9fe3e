"""The size of the pieces into which the picture is cut, and the classes of their pixels."""

from models.pictures import Size

SIZE = Size(height=64, width=64, channels=1)
LABELS = ("background", "nucleus")
