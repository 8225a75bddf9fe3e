"""Reads the bodies of requests: small ones on the event loop, large ones in the converter."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.server.dataplane import classify_regress, predict
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Signature, Tensors
from serving.server.rest import json_examples, json_fast, json_request, json_text
from serving.server.rest.json_request import Format
from serving.server.rest.responses import TooLarge

# A body of this size is read within a few milliseconds. The converter reads larger ones.
LARGE_BYTES = 128 << 10
_GZIP_WINDOW = 31  # zlib's number for "gzip header, largest window"
_Read = tuple[Format, Signature, Tensors]


@dataclass(frozen=True)
class ReadLimits:
    """Limits for the content of a body.

    Attributes:
        unpacked_bytes: of a gzip body after it was unpacked.
        json_depth: nesting depth of lists and objects.
        inputs: limits for the tensors.
    """

    unpacked_bytes: int = 64 << 20
    json_depth: int = json_text.MAX_DEPTH
    inputs: InputLimits = field(default_factory=InputLimits)


@dataclass(slots=True)  # a frozen one takes four times as long to create
class Prediction:
    """A predict request, checked against its signature.

    Attributes:
        signature: the name of the signature.
        layout: of the request and so of its answer.
        inputs: of the signature.
        plain: whether a plain list was sent for a column.
        weight: of the inputs; see InputLimits.check().
    """

    signature: str
    layout: Format
    inputs: Tensors
    plain: bool
    weight: int


@dataclass(frozen=True)
class Examples:
    """A classify or regress request.

    Attributes:
        signature: the name that it gives, which may be empty.
        inputs: its tf.Examples, serialized, as the only input of a signature.
        weight: of the inputs.
    """

    signature: str
    inputs: Tensors
    weight: int


def small_body(pieces: Sequence[bytes], encoding: str, limits: ReadLimits) -> bytes | None:
    """Returns a body as one text, if that is small; None for a body that the converter must read.

    Raises the same errors as unpacked().
    """
    if sum(map(len, pieces)) > LARGE_BYTES:
        return None
    if not encoding:
        return b"".join(pieces)  # the usual case
    try:
        return unpacked(pieces, encoding, min(limits.unpacked_bytes, LARGE_BYTES))
    except TooLarge:
        if limits.unpacked_bytes <= LARGE_BYTES:
            raise
        return None


def unpacked(pieces: Sequence[Any], encoding: str, limit: int) -> bytes:
    """Returns a body as one text. Raises ServingError for gzip that is damaged or unpacks too far.

    Args:
        pieces: the body as it was sent.
        encoding: its Content-Encoding.
        limit: for the unpacked size, in bytes.
    """
    body = b"".join(pieces)
    if "gzip" not in encoding.lower():
        return body
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise invalid("Content-Encoding says gzip, but the body is not gzip") from error
    if len(text) > limit:
        raise TooLarge(f"the unpacked body is larger than {limit} bytes")
    if not unpacker.eof:
        raise invalid("the gzip body is incomplete")
    return text


def predict_request(
    body: bytes, signatures: Mapping[str, Signature], limits: ReadLimits
) -> Prediction:
    """Returns a predict request. Raises ServingError when it is malformed or beyond a limit.

    Args:
        body: its JSON.
        signatures: of the model, by name.
        limits: for its content.
    """
    layout, signature, inputs = _quickly(body, signatures) or _thoroughly(body, signatures, limits)
    fitted = predict.promised(signature, inputs)
    weight = limits.inputs.check(signature, fitted)
    return Prediction(signature.name, layout, fitted, fitted is not inputs, weight)


def _quickly(body: bytes, signatures: Mapping[str, Signature]) -> _Read | None:
    quick = json_fast.scan(body)
    signature = signatures.get(quick.signature or DEFAULT_SIGNATURE) if quick else None
    if quick is None or signature is None:
        return None
    inputs = json_fast.read(quick, signature)
    return None if inputs is None else (quick.layout, signature, inputs)


def _thoroughly(body: bytes, signatures: Mapping[str, Signature], limits: ReadLimits) -> _Read:
    document = json_text.parse_object(body, limits.json_depth)
    name = json_request.signature_name(document) or DEFAULT_SIGNATURE
    signature = signatures.get(name)
    if signature is None:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    layout, inputs = json_request.tensors(document, signature.inputs, body=body)
    return layout, signature, inputs


def examples_request(body: bytes, limits: ReadLimits) -> Examples:
    """Returns a classify or regress request. Raises ServingError when it is malformed."""
    document = json_text.parse_object(body, limits.json_depth)
    name = json_request.signature_name(document)
    examples, context = json_examples.examples(document)
    inputs = classify_regress.serialized(examples, context, limits=limits.inputs)
    return Examples(name, inputs, limits.inputs.check_content(inputs))


def large_predict_request(
    pieces: Sequence[Any], encoding: str, signatures: Mapping[str, Signature], limits: ReadLimits
) -> Prediction:
    """Does the same as predict_request(), for a body as it was sent."""
    return predict_request(unpacked(pieces, encoding, limits.unpacked_bytes), signatures, limits)


def large_examples_request(pieces: Sequence[Any], encoding: str, limits: ReadLimits) -> Examples:
    """Does the same as examples_request(), for a body as it was sent."""
    return examples_request(unpacked(pieces, encoding, limits.unpacked_bytes), limits)
