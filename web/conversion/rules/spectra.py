"""Fourier transforms and complex numbers, as real numbers: WebAssembly has no kernels for them.

A complex tensor becomes two tensors, its real and its imaginary part. A Fourier transform is a
product with a matrix of sines and cosines, or two smaller ones.
"""

from collections.abc import Sequence

import numpy as np

from web.conversion.copies import again, made_once
from web.conversion.graph_model import Array, Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped

Parts = tuple[Tensor, Tensor]
# Up to this size one matrix is multiplied with; a larger transform is split up.
LARGEST = 128
# A size that cannot be split up needs a matrix of its square.
MOST = 2**22
STRUCTURAL = frozenset(
    (
        *("Identity", "Reshape", "Transpose", "StridedSlice", "Slice", "ConcatV2", "Pack", "Pad"),
        *("GatherV2", "ExpandDims", "Squeeze", "ReverseV2", "Tile", "BroadcastTo", "AddV2", "Sub"),
        *("Neg", "AddN", "Sum", "Mean"),
    )
)


def real(operation: Operation) -> Tensor | None:
    parts = _parts(operation.inputs[0], operation)
    return parts and parts[0]


def imaginary(operation: Operation) -> Tensor | None:
    parts = _parts(operation.inputs[0], operation)
    return parts and parts[1]


def magnitude(operation: Operation) -> Tensor | None:
    import tensorflow as tf

    parts = _parts(operation.inputs[0], operation)
    return parts and tf.sqrt(parts[0] ** 2 + parts[1] ** 2)


def inverse_real(operation: Operation) -> Tensor | None:
    """Returns the real part of the inverse transform of the spectrum and its mirror image."""
    import tensorflow as tf

    parts, length = _parts(operation.inputs[0], operation), operation.constant(1)
    if parts is None or length is None:
        return None
    size = int(length[-1])
    first, second = (_fitted(part, size // 2 + 1) for part in parts)
    if first is None or second is None:
        return None
    inner = slice(1, (size + 1) // 2)
    mirrored = tf.reverse(first[..., inner], [-1]), -tf.reverse(second[..., inner], [-1])
    whole = tf.concat([first, mirrored[0]], -1), tf.concat([second, mirrored[1]], -1)
    result = _transformed(whole, size, 1)
    return result and result[0] / size


def _parts(tensor: Tensor, operation: Operation) -> Parts | None:
    """Returns the real and the imaginary part of a tensor, from the real numbers it comes from."""
    # Both parts are asked for one after the other.
    known = made_once(f"parts of {tensor.name}")
    if not known:
        known[:] = _computed(tensor, operation) or ()
    return (known[0], known[1]) if known else None


def _computed(tensor: Tensor, operation: Operation) -> Parts | None:
    import tensorflow as tf

    source = tensor.op
    if source.type == "Complex":
        return source.inputs[0], source.inputs[1]
    if source.type == "Const":
        value = tf.make_ndarray(source.get_attr("value"))
        return tf.constant(value.real), tf.constant(value.imag)
    if source.type == "Cast":
        numbers = tf.cast(source.inputs[0], tf.float32)
        return numbers, tf.zeros_like(numbers)
    if source.type == "RFFT":
        length = operation.of(source.inputs[1])
        size = 0 if length is None else int(length[-1])
        numbers = _fitted(source.inputs[0], size)
        return _of_real(numbers, size) if size and numbers is not None else None
    pairs = [
        _parts(each, operation) if each.dtype.is_complex else (each, each) for each in source.inputs
    ]
    if any(pair is None for pair in pairs):
        return None
    firsts, seconds = [pair[0] for pair in pairs if pair], [pair[1] for pair in pairs if pair]
    if source.type in STRUCTURAL:
        types = {tf.complex64: tf.float32}
        return again(source, firsts, types)[0], again(source, seconds, types)[0]
    if source.type == "Conj":
        return firsts[0], -seconds[0]
    if source.type == "Mul":
        (a, b), (c, d) = zip(firsts, seconds, strict=True)
        return a * c - b * d, a * d + b * c
    if source.type in ("FFT", "FFT2D"):
        return _along(source.type, (firsts[0], seconds[0]), -1)
    if source.type in ("IFFT", "IFFT2D"):
        result = _along(source.type, (firsts[0], seconds[0]), 1)
        sizes = tensor.shape[-2 if source.type == "IFFT2D" else -1 :].as_list()
        return result and (result[0] / np.prod(sizes), result[1] / np.prod(sizes))
    return None


def _along(kind: str, parts: Parts, sign: int) -> Parts | None:
    """Returns the transform along the last axis, or the last two."""
    result = _transformed(parts, parts[0].shape[-1], sign)
    if result is None or not kind.endswith("2D"):
        return result
    result = _transformed(_swapped(result), parts[0].shape[-2], sign)
    return result and _swapped(result)


def _fitted(tensor: Tensor, size: int) -> Tensor | None:
    """Returns the tensor, cut or filled with zeros to a size of its last axis."""
    import tensorflow as tf

    known = tensor.shape[-1]
    if known is None or known >= size:
        return None if known is None else tensor[..., :size]
    return tf.pad(tensor, [(0, 0)] * (tensor.shape.rank - 1) + [(0, size - known)])


def _of_real(numbers: Tensor, size: int) -> Parts | None:
    """Returns the first half of the transform of real numbers; the rest is its mirror image."""
    import tensorflow as tf

    half = size // 2 + 1
    if size > LARGEST:
        whole = _transformed((numbers, tf.zeros_like(numbers)), size, -1)
        return whole and (whole[0][..., :half], whole[1][..., :half])
    angles = _angles(size, size, size, -1)[:, :half]
    both = _times(numbers, np.concatenate([np.cos(angles), np.sin(angles)], 1))
    return both[..., :half], both[..., half:]


def _transformed(parts: Parts, size: int | None, sign: int) -> Parts | None:
    """Returns the sums of all numbers times exp(sign * 2 pi i j k / size), along the last axis."""
    import tensorflow as tf

    if size is None or parts[0].shape.rank is None:
        return None
    rows = next(each for each in range(int(size**0.5), 0, -1) if size % each == 0)
    if size <= LARGEST or rows == 1:
        if size**2 > MOST:
            return None
        angles = _angles(size, size, size, sign)
        cosines, sines = np.cos(angles), np.sin(angles)
        matrix = np.block([[cosines, sines], [-sines, cosines]])
        both = _times(tf.concat(parts, -1), matrix)
        return both[..., :size], both[..., size:]
    # Cooley and Tukey: number columns * j1 + j2 goes to place k1 + rows * k2.
    columns = size // rows
    outer = dimensions(parts[0])[:-1]
    tables = (
        reshaped(parts[0], [*outer, rows, columns]),
        reshaped(parts[1], [*outer, rows, columns]),
    )
    result = _transformed(_swapped(tables), rows, sign)
    if result is None:
        return None
    angles = _angles(columns, rows, size, sign)
    cosines, sines = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = result
    turned = first * cosines - second * sines, first * sines + second * cosines
    result = _transformed(_swapped(turned), columns, sign)
    if result is None:
        return None
    first, second = _swapped(result)
    return reshaped(first, [*outer, size]), reshaped(second, [*outer, size])


def _angles(rows: int, columns: int, size: int, sign: int) -> Array:
    turns = np.outer(np.arange(rows), np.arange(columns)) % size
    angles: Array = sign * 2 * np.pi * turns / size
    return angles


def _times(tensor: Tensor, matrix: Array) -> Tensor:
    """Returns the product of the last axis with a matrix."""
    import tensorflow as tf

    outer = dimensions(tensor)[:-1]
    flat = reshaped(tensor, [product(outer), matrix.shape[0]])
    return reshaped(tf.matmul(flat, np.float32(matrix)), [*outer, matrix.shape[1]])


def _swapped(parts: Sequence[Tensor]) -> Parts:
    import tensorflow as tf

    last = parts[0].shape.rank - 1
    order = [*range(last - 1), last, last - 1]
    return tf.transpose(parts[0], order), tf.transpose(parts[1], order)


RULES = (
    Rule(("Real",), real, "WebAssembly has no complex numbers"),
    Rule(("Imag",), imaginary, "WebAssembly has no complex numbers"),
    Rule(("ComplexAbs",), magnitude, "WebAssembly has no complex numbers"),
    Rule(("IRFFT",), inverse_real, "WebAssembly has no Fourier transform"),
)
