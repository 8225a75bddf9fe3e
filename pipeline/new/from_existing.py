"""Makes a model's folder from a model that was trained elsewhere: checked, but not trained."""

import tempfile
from pathlib import Path

from core.errors import UserError
from models.brought.digest import digest_of
from models.brought.truths import form_of_truth, kinds_of_truth
from models.places import OWN
from models.roles.table import heads
from pipeline.new import folder
from pipeline.new.asked import Asked
from pipeline.new.looked import Looked, look
from pipeline.new.probes import PROBES, Tried
from pipeline.new.schema import HEAD, tensor
from pipeline.new.sizes import Sizes

NOTHING = Asked()
MAX_BYTES = 1 << 30
# If the answers to made-up inputs differ by less, the model does not distinguish inputs.
ALIKE = 1e-5


def create(
    name: str, source: Path, *, asked: Asked = NOTHING, models: Path = OWN
) -> tuple[Path, str]:
    """Returns the new folder, which has a copy of the model, and the facts about it in words.

    Args:
        source: a file of Keras, or a SavedModel's folder.
        asked: what the user says of it.

    Raises:
        UserError: the model cannot be loaded, or cannot be compared.
    """
    folder.check_name(name, models)
    _check_size(source)
    with tempfile.TemporaryDirectory(prefix="fanout-new-") as scratch:
        looked = look(source, asked, Path(scratch))
        values = _values(name, source, looked, asked)
        written = folder.write(name, "existing", values, models, {looked.copied: looked.path})
    return written, _report(looked)


def _check_size(source: Path) -> None:
    if not source.exists():
        raise UserError(f"{source} does not exist")
    files = source.rglob("*") if source.is_dir() else iter([source])
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size > MAX_BYTES:
        raise UserError(f"{source} must have at most {MAX_BYTES >> 20} MiB, got {size >> 20} MiB")


def _values(name: str, source: Path, looked: Looked, asked: Asked) -> dict[str, str]:
    inputs, outputs, sizes = looked.tried.inputs, looked.tried.outputs, Sizes.of(looked.tried)
    known = "".join(place.values_source() for place in inputs)
    described = f"{source.name}, which was trained elsewhere."
    return {
        "name": name,
        "described": folder.literal(described),
        "source": source.name,
        "option": "--saved-model" if source.is_dir() else "--keras",
        "copied": looked.copied,
        "origin": "unchanged" if looked.path == source else "in a format of today",
        "digest": digest_of(looked.path),
        "inputs": "(\n" + "".join(place.source() for place in inputs) + "    )",
        "names": folder.dict_of({place.name: place.theirs for place in inputs}, 8),
        "outputs": "(\n" + "".join(answer.source() for answer in outputs) + "    )",
        "answers": folder.dict_of({each.output.name: each.theirs for each in outputs}, 8),
        "values_import": "from models.brought.made_up import Values\n" if known else "",
        "values": f"{{\n{known}    }}" if known else "{}",
        "trusted": str(asked.trusted),
        "batch": repr(looked.tried.batch),
        "signature": folder.literal(looked.signature),
        "listed": "\n".join(f"  - `{place.name}`: {place.told}." for place in inputs),
        "answered": "\n".join(f"  - {answer.told}." for answer in outputs),
        "bytes": (
            "# No int8_uint8, which has only bytes: layers of this model need float32."
            if looked.needs_floats
            else '"int8_uint8": QUANTISED,'
        ),
        "golden": str(sizes.golden),
        "web": str(sizes.web),
        **{split: str(count) for split, count in sizes.splits.items()},
        "schema": _schema(looked.tried),
    }


def _schema(result: Tried) -> str:
    # No other id has an answer. A range of numbers is only assumed, and stops no data.
    inputs = [
        tensor(
            place.name,
            place.shape,
            {"string": "BYTES", "float32": "FLOAT"}.get(place.dtype, "INT"),
            None if place.ids is None else place.range,
        )
        for place in result.inputs
    ]
    labels = []
    for head in heads(answer.output for answer in result.outputs):
        if head.label_key:
            form = form_of_truth(head)
            whole = form.dtype.kind == "i"
            classes = (0, kinds_of_truth(head) - 1) if whole else None
            kind = "INT" if whole else "FLOAT"
            labels.append(tensor(head.label_key, form.shape[1:], kind, classes))
    return HEAD + "\n".join([*inputs, *labels])


def _report(looked: Looked) -> str:
    result, splits = looked.tried, Sizes.of(looked.tried).splits
    lines = [f"input {place.name}: {place.told}" for place in result.inputs]
    lines += [answer.told for answer in result.outputs]
    lines += [*looked.notes, *result.left_out]
    lines.append(f"examples: {splits['test']} made-up inputs, and {splits['train']} to calibrate")
    lines += [answer.offer for answer in result.outputs if answer.offer]
    for name, spread in result.spread.items():
        if spread < ALIKE:
            lines.append(
                f"NOTE: its answers {name} to made-up inputs differ by at most {spread:.0e} of the "
                "largest. Comparing them says little about the targets: put real examples into "
                "data.py"
            )
        elif name in result.undecided:
            lines.append(
                f"NOTE: its decision {name} is the same for all {PROBES} made-up inputs that were "
                "tried, so a target that ignores its input may agree too. Set the ranges of your "
                "data in existing.py, or put real examples into data.py"
            )
    return "\n".join(lines)
