"""The form in which true answers are stored: their shape, their type and their range."""

import numpy as np

from core.arrays import Array
from models.roles.role import Head


def form_of_truth(head: Head) -> Array:
    """Returns true answers to one example, of the right shape and type, but without a meaning."""
    return head.truth(
        {output.name: np.zeros((1, *output.shape), np.float32) for output in head.outputs}
    )


def kinds_of_truth(head: Head) -> int:
    """Returns how many classes the whole numbers of the true answers stand for."""
    shape = head.outputs[0].shape
    of_classes = head.role.name in {"classification", "segmentation"}
    return max(shape[-1], 2) if of_classes else 2
