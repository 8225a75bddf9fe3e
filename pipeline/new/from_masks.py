"""Makes a model's folder from a folder of pictures and a folder of their masks."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.masks import MASK, digest_of, files_of, mask_of, pixels_of
from models.pictures import SUFFIXES, Size
from models.places import OWN
from pipeline.new import folder
from pipeline.new.from_pictures import COMMON_SIDE, EPOCH_STEPS, MAX_FILES, MAX_SIDE, opened
from pipeline.new.schema import HEAD, picture

MIN_PICTURES = 20
MIN_OF_A_CLASS = 5
MAX_CLASSES = 32
BATCH = 16
# The network halves the picture's sides twice.
MULTIPLE = 4
# The names of the classes of masks that are yes or no.
BACKGROUND = ("background", "foreground")


@dataclass(frozen=True)
class MaskFacts:
    """The facts about pictures and their masks.

    Attributes:
        folder, masks: the two folders.
        values: the values that occur in masks.
        shares: the share of all pixels that each value has.
        pictures: the number of pictures.
        size: the size of the network's input.
        sizes: the number of different sizes of the pictures.
        kept: whether the pictures have the network's size.
    """

    folder: Path
    masks: Path
    values: tuple[int, ...]
    shares: tuple[float, ...]
    pictures: int
    size: Size
    sizes: int
    kept: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns names for the classes."""
        if self.values in {(0, 1), (0, 255)}:
            return BACKGROUND
        return tuple(f"class {value}" for value in self.values)


def create(name: str, source: Path, masks: Path, models: Path = OWN) -> tuple[Path, str]:
    """Returns the new folder and the facts about the pictures in words. Raises UserError."""
    folder.check_name(name, models)
    facts = look(source, masks)
    return folder.write(name, "masks", _values(name, facts), models), _report(facts)


def look(source: Path, masks: Path) -> MaskFacts:
    """Returns the facts about the folders. Raises UserError, which says what to fix and where."""
    files = _pictures(source, masks)
    sizes: Counter[tuple[int, int]] = Counter()
    pixels: Counter[int] = Counter()
    found: Counter[int] = Counter()
    broken: list[str] = []
    others: list[str] = []
    grey = True
    for file in files:
        try:
            size, colours = opened(file)
            mask = _mask(mask_of(file, masks))
        except ValueError as error:
            broken.append(str(error))
            continue
        if mask.shape != size:
            others.append(f"{file.name} is {_shown(size)}, its mask {_shown(mask.shape)}")
        sizes[size] += 1
        grey &= not colours
        counted = dict(zip(*np.unique(mask, return_counts=True), strict=True))
        pixels.update({int(value): int(count) for value, count in counted.items()})
        found.update(map(int, counted))
    _refuse(f"files of {source} or {masks} cannot be used", broken, "fix or delete them")
    _refuse(f"masks in {masks} do not have the size of their pictures", others, "scale them alike")
    _check_classes(masks, found)
    size, kept = _size(sizes)
    total = sum(pixels.values())
    values = tuple(sorted(pixels))
    return MaskFacts(
        folder=source.resolve(),
        masks=masks.resolve(),
        values=values,
        shares=tuple(pixels[value] / total for value in values),
        pictures=len(files),
        size=Size(*size, 1 if grey else 3),
        sizes=len(sizes),
        kept=kept,
    )


def _pictures(source: Path, masks: Path) -> list[Path]:
    """Returns the pictures, each of which has a mask."""
    for place in (source, masks):
        if not place.is_dir():
            raise UserError(f"{place} is not a folder")
    if source.resolve() == masks.resolve():
        raise UserError(f"--images and --masks must be two folders, got {source} twice")
    files = files_of(source)
    if not MIN_PICTURES <= len(files) <= MAX_FILES:
        raise UserError(
            f"{source} must have from {MIN_PICTURES} to {MAX_FILES:,} pictures "
            f"({', '.join(sorted(SUFFIXES))}), got {len(files):,}; with --masks, they are in the "
            "folder itself"
        )
    stems = Counter(file.stem for file in files)
    twice = [file.name for file in files if stems[file.stem] > 1]
    _refuse(f"pictures in {source} share a name, and therefore a mask", twice, "rename them")
    without = [file.name for file in files if not mask_of(file, masks).is_file()]
    _refuse(
        f"pictures in {source} have no mask",
        without,
        f"a mask has the picture's name and the ending {MASK}, such as {mask_of(files[0], masks)}",
    )
    return files


def _mask(mask: Path) -> Array:
    try:
        return pixels_of(mask)
    except ValueError as error:
        raise ValueError(
            f"{mask.name} has {error}, not one: a grey value or an index into a palette"
        ) from error
    except Exception as error:  # Pillow raises a different error for each fault
        raise ValueError(f"{mask.name} is not a picture") from error


def _check_classes(masks: Path, found: Mapping[int, int]) -> None:
    if not 2 <= len(found) <= MAX_CLASSES:
        raise UserError(
            f"the masks in {masks} must have from 2 to {MAX_CLASSES} different values, one for "
            f"each class, got {len(found)}: {', '.join(map(str, sorted(found)[:5]))}"
            f"{' …' if len(found) > 5 else ''}"
        )
    rare = {value: count for value, count in sorted(found.items()) if count < MIN_OF_A_CLASS}
    if rare:
        shown = ", ".join(f"{value} ({count})" for value, count in list(rare.items())[:5])
        raise UserError(
            f"each value must occur in at least {MIN_OF_A_CLASS} masks of {masks}, but "
            f"{len(rare)} of {len(found)} occur in fewer: {shown}; replace them"
        )


def _refuse(what: str, names: list[str], remedy: str) -> None:
    """Raises UserError if there are names."""
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UserError(f"{len(names)} {what}: {'; '.join(names[:3])}{more}; {remedy}")


def _size(sizes: Mapping[tuple[int, int], int]) -> tuple[tuple[int, int], bool]:
    """Returns the height and width of the network's input, and whether all pictures have them."""
    first = next(iter(sizes))
    if len(sizes) > 1 or max(first) > MAX_SIDE:
        return (COMMON_SIDE, COMMON_SIDE), False
    height, width = (max(MULTIPLE, round(side / MULTIPLE) * MULTIPLE) for side in first)
    return (height, width), (height, width) == first


def _values(name: str, facts: MaskFacts) -> dict[str, str]:
    size, classes = facts.size, len(facts.values)
    steps = -(-round(facts.pictures * 0.7) // BATCH)
    # Always answering the largest class, its overlap is its share, and that of all others is 0.
    baseline = math.floor(max(facts.shares) / classes * 1000) / 1000
    mask = f"""feature {{
  name: "mask"
  type: INT
  presence {{ min_fraction: 1.0 min_count: 1 }}
  shape {{ dim {{ size: {size.height} }} dim {{ size: {size.width} }} }}
  int_domain {{ name: "mask" min: 0 max: {classes - 1} is_categorical: true }}
}}
"""
    return {
        "name": name,
        "source": facts.folder.name,
        "mask_source": facts.masks.name,
        "path": folder.path("folder", facts.folder),
        "mask_path": folder.path("masks", facts.masks),
        "digest": digest_of(facts.folder, facts.masks),
        "mask_values": folder.tuple_of(facts.values, 8),
        "labels": folder.tuple_of(facts.labels),
        "height": str(size.height),
        "width": str(size.width),
        "channels": str(size.channels),
        "pictures": f"{facts.pictures:,}",
        "baseline": str(baseline),
        "batch_size": str(BATCH),
        "epochs": str(min(60, max(3, EPOCH_STEPS // steps))),
        "schema": HEAD + picture("image") + "\n" + mask,
    }


def _report(facts: MaskFacts) -> str:
    size = facts.size
    shown = f"{size.height} × {size.width}, {'grey' if size.channels == 1 else 'colour'}"
    scaled = f"used as {shown}" if facts.kept else f"all scaled to {shown}"
    if facts.sizes > 1:
        scaled = f"of {facts.sizes} sizes, {scaled}"
    classes = ", ".join(
        f"{label} ({share:.0%} of the pixels)"
        for label, share in list(zip(facts.labels, facts.shares, strict=True))[:8]
    )
    return (
        f"{facts.pictures:,} pictures with masks {scaled}\n"
        f"a segmentation with {len(facts.values)} classes: {classes}"
        f"{' …' if len(facts.values) > 8 else ''}"
    )


def _shown(size: tuple[int, ...]) -> str:
    return " × ".join(map(str, size))
