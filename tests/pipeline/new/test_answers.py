"""Which role each output of a brought model gets, and why."""

import numpy as np
import pytest

from core.arrays import Array
from core.errors import UserError
from models.spec import Output
from pipeline.new.answers import Answer, Seen, inferred
from pipeline.new.names import input_names, output_names
from pipeline.new.places import Place

RANDOM = np.random.default_rng(1)
PICTURE = Place("x", "x", "float32", (8, 8, 3))


def values(*shape: int) -> Array:
    return RANDOM.normal(size=(16, *shape)).astype(np.float32)


def unit(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def shares(rows: Array) -> Array:
    return np.abs(rows) / np.abs(rows).sum(axis=-1, keepdims=True)


def sigmoid(rows: Array) -> Array:
    return 1 / (1 + np.exp(-rows))


@pytest.mark.parametrize(
    ("seen", "role", "why"),
    [
        (Seen("y", values(3), "Softmax"), "classification", "it ends in a softmax"),
        (Seen("y", shares(values(3))), "classification", "its values add up to 1"),
        (Seen("Logits", values(3)), "classification", "its name is that of logits"),
        (Seen("y", values(3)), "tensor", "nothing says what its numbers mean"),
        (Seen("y", sigmoid(values(1)), "Sigmoid"), "binary", "it ends in a sigmoid"),
        (Seen("y", sigmoid(values()), "Sigmoid"), "binary", "it ends in a sigmoid"),
        (Seen("y", sigmoid(values(4)), "Sigmoid"), "multi_label", "it ends in a sigmoid"),
        (Seen("y", values(1)), "regression", "it is one number"),
        (Seen("y", values()), "regression", "it is one number"),
        (Seen("y", values(4, 5, 2), "Softmax"), "segmentation", "it ends in a softmax"),
        (Seen("y", shares(values(4, 5, 2))), "segmentation", "its values add up to 1"),
        (Seen("y", sigmoid(values(4, 5, 1)), "Sigmoid"), "segmentation", "it ends in a sigmoid"),
        (Seen("y", unit(values(6))), "embedding", "its vectors have the length 1"),
        (Seen("y", values(8, 8, 3), "Sigmoid"), "tensor", "it has the shape of the input x"),
        (Seen("y", values(4, 4)), "tensor", "nothing says what its numbers mean"),
        (
            Seen("y", np.arange(16)),
            "tensor",
            "its values are not probabilities or measurements",
        ),
    ],
)
def test_a_role_is_inferred_with_its_reason(seen: Seen, role: str, why: str) -> None:
    (answer,) = inferred([seen], [PICTURE], {})
    assert (answer.output.role, answer.why) == (role, why)
    assert answer.output.label_key == ("" if role in {"tensor", "embedding"} else "label")
    assert bool(answer.offer) == why.startswith("nothing")
    assert made(answer) == answer.output


def made(answer: Answer) -> Output:
    """Returns what the source of an output makes."""
    (output,) = eval(f"({answer.source()})", {"Output": Output})  # noqa: S307 - our own source
    assert isinstance(output, Output)
    return output


BOXES = Seen("detection_boxes", sigmoid(values(5, 4)))
SCORES = Seen("detection_scores", sigmoid(values(5)))


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        ([BOXES, SCORES], {"detection_boxes": "boxes", "detection_scores": "scores"}),
        (
            [Seen("detection_classes", values(5)), BOXES, SCORES],
            {
                "detection_classes": "classes",
                "detection_boxes": "boxes",
                "detection_scores": "scores",
            },
        ),
        # As TensorFlow's Object Detection API answers.
        (
            [
                BOXES,
                SCORES,
                Seen("detection_multiclass_scores", values(5, 7)),
                Seen("raw_detection_boxes", values(9, 4)),
                Seen("num_detections", values()),
            ],
            {"detection_boxes": "boxes", "detection_scores": "scores"},
        ),
        ([BOXES, Seen("classes", values(5, 3))], {"detection_boxes": "boxes", "classes": "scores"}),
        # Without names.
        (
            [Seen("a", values(5, 4)), Seen("b", sigmoid(values(5)))],
            {"a": "boxes", "b": "scores"},
        ),
        ([Seen("a", values(5, 4)), Seen("b", values(5))], {}),
        ([Seen("boxes", values(5, 4))], {}),
    ],
)
def test_boxes_and_scores_are_a_detection(seen: list[Seen], parts: dict[str, str]) -> None:
    answers = inferred(seen, [PICTURE], {})
    assert {a.theirs: a.output.part for a in answers if a.output.role == "detection"} == parts
    assert all(not a.output.label_key for a in answers if a.output.role == "detection")


def test_the_threshold_of_scores_is_one_that_boxes_reach() -> None:
    low = Seen("scores", sigmoid(values(5)) / 10)
    answers = inferred([Seen("boxes", values(5, 4)), low], [PICTURE], {})
    threshold = answers[1].output.threshold
    found = (low.values > threshold).any(axis=1)
    assert 0 < found.sum() < len(found)
    assert f"threshold {threshold:g}, as no made-up input gives a higher score" in answers[1].told


def test_several_outputs_have_true_answers_of_their_own() -> None:
    answers = inferred(
        [Seen("Kind", values(3), "Softmax"), Seen("Size", values(1)), Seen("x", values(7))],
        [PICTURE],
        {},
    )
    keys = {answer.output.name: answer.output.label_key for answer in answers}
    assert keys == {"kind": "label_kind", "size": "label_size", "output_x": ""}


def test_the_user_knows_better() -> None:
    seen = [Seen("Out.1", values(3)), Seen("b", values(5, 4)), Seen("s", values(5))]
    answers = inferred(seen, [], {"out_1": "classification", "b": "detection", "s": "detection"})
    assert [answer.output.role for answer in answers] == [
        "classification",
        "detection",
        "detection",
    ]
    assert answers[0].output.labels == ("class 0", "class 1", "class 2")
    assert answers[0].why == "--role says it"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"z": "binary"}, r"--role names the output 'z', which the model does not have; .* out_1"),
        ({"Out.1": "class"}, r"--role must give a role of classification, .*, got 'class'"),
        ({"Out.1": "binary"}, r"--role Out.1=binary needs .* \(\) or \(1,\), got \(3,\)"),
        ({"Out.1": "detection"}, r"must be given for boxes of the shape .* got Out.1 \(3,\)"),
    ],
)
def test_a_role_that_does_not_fit_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        inferred([Seen("Out.1", values(3))], [], asked)


def test_names_are_plain_and_all_different() -> None:
    assert input_names(["Sepal.Length", "sepal length", "1st", "label", "Label Key", "…"]) == [
        "sepal_length",
        "sepal_length_2",
        "input_1st",
        "input_label",
        "input_label_key",
        "input",
    ]
    assert output_names(["X", "a/b:0", "2nd", "x", ""], ["x"]) == [
        "output_x",
        "a_b_0",
        "output_2nd",
        "output_x_2",
        "output",
    ]
