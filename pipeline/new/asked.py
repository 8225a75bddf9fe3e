"""What the user says of a model that was trained elsewhere, in the options of ``fanout new``."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.errors import UserError


@dataclass(frozen=True)
class Asked:
    """What the user says of the model.

    Attributes:
        trusted: whether Python code in a file of Keras may be run.
        roles: the roles of outputs, by name here or in the model.
        shapes: the shapes of inputs without the batch, by name here or in the model.
        signature: the signature or function of a SavedModel; empty for the usual or only one.
    """

    trusted: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signature: str = ""

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Asked":
        """Returns what the options say.

        Raises:
            UserError: an option is written in another way, or belongs to another source.
        """
        if options.trust and not options.keras:
            raise UserError("--trust needs --keras")
        if options.signature and not options.saved_model:
            raise UserError("--signature names a function of a SavedModel: it needs --saved-model")
        brought = options.keras or options.saved_model
        for name in ("role", "shape"):
            if getattr(options, name) and not brought:
                raise UserError(
                    f"--{name} describes a trained model, so it needs --keras or --saved-model"
                )
        roles = _pairs("--role OUTPUT=ROLE", options.role)
        return cls(options.trust, roles, _shapes(options.shape), options.signature)


def _shapes(given: Sequence[str]) -> dict[str, tuple[int, ...]]:
    usage = "--shape INPUT=SIZE,SIZE"
    try:
        return {
            name: tuple(int(size) for size in sizes.split(",") if size.strip())
            for name, sizes in _pairs(usage, given).items()
        }
    except ValueError as error:
        raise UserError(f"{usage} must have whole numbers, got {', '.join(given)}") from error


def _pairs(usage: str, given: Sequence[str]) -> dict[str, str]:
    """Returns the options by the name before the last equals sign."""
    pairs = {}
    for each in given:
        name, sign, value = each.rpartition("=")
        if not sign or not name or not value:
            raise UserError(f"write {usage}, got {each!r}")
        if name in pairs:
            raise UserError(f"{usage} must name each tensor once, got {name!r} twice")
        pairs[name] = value
    return pairs
