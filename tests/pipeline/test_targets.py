"""Which targets a model has, by its limits."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.errors import UserError
from models.spec import Limits, load
from pipeline.targets import targets_of

SERVED = {"float32": Limits(0.99)}
LEFT_OUT: tuple[tuple[dict[str, dict[str, Limits]], list[str]], ...] = (
    ({"serving": SERVED}, ["serving"]),
    ({"web": SERVED, "serving": SERVED}, ["serving", "web"]),
    ({"serving": SERVED, "mobile": {}}, ["serving"]),
)


@pytest.mark.parametrize(("limits", "targets"), LEFT_OUT)
def test_targets_without_limits_are_left_out(
    limits: Mapping[str, Mapping[str, Limits]], targets: list[str]
) -> None:
    assert targets_of(replace(load("penguins"), limits=limits)) == targets


def test_an_unknown_target_is_named() -> None:
    spec = replace(load("penguins"), limits={"serving": SERVED, "watch": SERVED})
    with pytest.raises(UserError, match="unknown target 'watch'; there are: serving, mobile, web"):
        targets_of(spec)


@pytest.mark.parametrize(
    "served", [{}, {"serving": {}}, {"serving": {"float32": Limits(0.9, required=False)}}]
)
def test_the_server_cannot_be_left_out(served: Mapping[str, Mapping[str, Limits]]) -> None:
    spec = replace(load("penguins"), limits={"mobile": SERVED, **served})
    with pytest.raises(UserError, match="must have 'serving' with a required 'float32'"):
        targets_of(spec)
