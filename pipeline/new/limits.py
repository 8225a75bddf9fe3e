"""The limits of a new model's variants, as Python source: the only place that names their fields.

Quantised variants have the bound that ``core/agreement/bounds.py`` gives their kind of weights.
"""

from collections.abc import Mapping

# By the name in the templates. A *trained* model is compared on real examples. A *brought* one is
# compared on made-up inputs, where two classes are often almost equal, so that the smallest
# difference changes which one is on top. Its true answers are its own, so the agreement says all
# that a loss of its score would, and of rare classes more calmly: one pixel in a hundred can be
# half of what is shown of a class.
TEXTS: Mapping[str, str] = {
    "trained": "Limits(agreement=0.999, max_diff=1e-4)",
    "trained_float16": "Limits(agreement=0.95, required=False)",
    "trained_int8": "Limits(agreement=0.9, accuracy_drop=0.05, required=False)",
    "brought": "Limits(agreement=0.97, max_diff=1e-4, accuracy_drop=1.0)",
    "brought_float16": "Limits(agreement=0.9, accuracy_drop=1.0, required=False)",
    "brought_int8": "Limits(agreement=0.8, accuracy_drop=1.0, required=False)",
}
