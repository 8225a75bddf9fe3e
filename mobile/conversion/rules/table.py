"""The table of the rules, in the order in which they apply. To add a rule, add a row."""

from collections.abc import Mapping

from mobile.conversion.rules import (
    bincount,
    box_suppression,
    channels,
    convolutions,
    copies,
    erf,
    float_types,
    fourier,
    gradients,
    lookups,
    matrix_products,
    one_hot,
    pooling_3d,
    resizing,
    sign_bits,
    softplus,
)
from mobile.conversion.rules.rewriting import Rule

RULES: Mapping[str, Rule] = {
    "gradients": Rule(
        gradients.apply,
        "operations lose their own gradients",
        "the converter cannot save those that read variables, and loses the signature",
    ),
    "box suppression": Rule(
        box_suppression.apply,
        "padded non-maximum suppression keeps the operations of TensorFlow's function",
        "NON_MAX_SUPPRESSION_V4 keeps boxes without an area twice, and confuses swapped corners",
    ),
    "sign bits": Rule(
        sign_bits.apply,
        "bits(x) & sign bit < 0 becomes x < 0 (in Keras' argmax)",
        "TensorFlow Lite has no BitwiseAnd",
    ),
    "float types": Rule(
        float_types.apply,
        "float16, bfloat16 and float64 become float32 inside; inputs and outputs keep their types",
        "TensorFlow Lite's operators compute in float32",
    ),
    "channels": Rule(
        channels.apply,
        "channels that come first are moved behind the others and back",
        "the converter turns three and five dimensions as if they were four, and two rules here "
        "take the channels for the last ones",
    ),
    "matrix products": Rule(
        matrix_products.apply,
        "a product of two computed matrices becomes one of two stacks of one matrix",
        "the converter loses a relu behind it",
    ),
    "softplus": Rule(
        softplus.apply,
        "softplus(x) becomes max(x, 0) + log(1 + exp(-|x|))",
        "both runtimes answer infinity above 88.7",
    ),
    "erf": Rule(
        erf.apply,
        "erf and erfc outside a GELU become an approximation within 1.5e-7",
        "TensorFlow Lite has neither",
    ),
    "3-D pooling": Rule(
        pooling_3d.apply,
        "a pooling in three dimensions becomes two in two dimensions",
        "TensorFlow Lite has none in three",
    ),
    "convolutions": Rule(
        convolutions.apply,
        "a same convolution with steps larger than its kernel gets its padding before it",
        "tflite-runtime pads by less than none",
    ),
    "bincount": Rule(
        bincount.apply,
        "counts and multi-hot codes become sums and maxima of one-hot codes",
        "TensorFlow Lite has no DenseBincount",
    ),
    "resizing": Rule(
        resizing.apply,
        "bicubic and antialiased resizing becomes products with two constant matrices",
        "TensorFlow Lite has only bilinear and nearest",
    ),
    "Fourier transforms": Rule(
        fourier.apply,
        "the parts of a transform of known length become products with constant matrices",
        "TensorFlow Lite has only real transforms of a power of two",
    ),
    "look-ups": Rule(
        lookups.apply,
        "a table of whole numbers becomes comparisons with all keys",
        "TensorFlow Lite has only tables from or to text",
    ),
    "one-hot codes": Rule(
        one_hot.apply,
        "a one-hot code becomes a row of a table of all codes",
        "the quantizer makes 0.5 of the zeros",
        calibrated=True,
    ),
    "copies": Rule(
        copies.apply,
        "an output that is an input or another output becomes a copy",
        "LiteRT's CompiledModel and LiteRT.js answer garbage, or with one name less",
    ),
}


def rules_for(*, calibrated: bool) -> list[Rule]:
    """Returns the rules for a variant, in order."""
    return [rule for rule in RULES.values() if calibrated or not rule.calibrated]
