"""Turns what people write, such as ``"3"`` or ``[0.5, true]``, into arrays of a model's types."""

from typing import Any

import numpy as np

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class ValuesError(Exception):
    """The values do not fit the type; the message says which values would."""


def fitted(value: Any, dtype: str) -> Any:
    """Returns the values in a flat array of a number type, or ``bool``, without changing any.

    Args:
        value: a number or text, or a list of lists of them, or an array.
        dtype: the contract's name of the type, such as ``int8``.

    Raises:
        ValuesError: a value is not a number, is not finite, or is not one of the type's.
    """
    kind = np.dtype(dtype).kind
    try:
        if kind == "b":
            return np.array([_truth(each) for each in _flat(value)], dtype)
        return _whole(value, dtype) if kind in "iu" else _real(value, dtype)
    except (TypeError, ValueError, OverflowError):
        raise ValuesError(f"takes numbers, not {_shown(value)}") from None


def texts(value: Any) -> Any:
    """Returns the texts as a flat array of bytes in UTF-8, as TensorFlow Lite takes them."""
    return np.array([str(text).encode() for text in _flat(value)], dtype=object)


def _flat(value: Any) -> Any:
    return np.ravel(np.array(value, dtype=object))


def _real(value: Any, dtype: str) -> Any:
    real = np.array(value, np.float64).ravel()
    with np.errstate(over="ignore"):
        array = real.astype(dtype)
    if not np.isfinite(array).all():
        large = f" or too large for {dtype}" if np.isfinite(real).all() else ""
        raise ValuesError(f"holds a number that is not finite{large}")
    return array


def _whole(value: Any, dtype: str) -> Any:
    array = np.array(value).ravel()
    if not array.size:
        return array.astype(dtype)
    if array.dtype.kind in "OU":
        # Texts, and numbers of more than 64 bits.
        array = np.array([_number(each) for each in array.tolist()], dtype=object)
    limits = np.iinfo(dtype)
    for number in array.tolist() if array.dtype.kind in "fO" else (array.min(), array.max()):
        if number != int(number) or not limits.min <= number <= limits.max:
            raise ValuesError(
                f"takes whole numbers from {limits.min} to {limits.max}, not {number}"
            )
    return array.astype(dtype)


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return int(value)
    except ValueError:
        return float(value)


def _truth(value: Any) -> bool:
    known = _TRUTHS.get(str(value).strip().lower())
    if known is None:
        raise ValuesError(f"takes true, false, 1 or 0, not {_shown(value)}")
    return known


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
