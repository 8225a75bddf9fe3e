"""Makes a model's folder from a folder of pictures with one folder per class."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from models.pictures import SUFFIXES, Size, digest_of
from models.places import OWN
from pipeline.new import folder
from pipeline.new.schema import HEAD, label, picture

MAX_FILES = 20_000
MIN_OF_A_CLASS = 10
MAX_PIXELS = 50_000_000
# Pictures that all have the same small size keep it; all others are scaled to COMMON_SIDE.
MAX_SIDE, COMMON_SIDE = 128, 64
EPOCH_STEPS = 1500


@dataclass(frozen=True)
class PictureFacts:
    """The facts about a folder of pictures."""

    folder: Path
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    size: Size
    sizes: int


def create(name: str, source: Path, models: Path = OWN) -> tuple[Path, str]:
    """Returns the new folder and the facts about the pictures in words. Raises UserError."""
    folder.check_name(name, models)
    facts = look(source)
    return folder.write(name, "pictures", _values(name, facts), models), _report(facts)


def look(source: Path) -> PictureFacts:
    """Returns the facts about a folder. Raises UserError, which says what to fix and where."""
    if not source.is_dir():
        raise UserError(f"{source} is not a folder")
    classes = {
        inner.name: sorted(f for f in inner.iterdir() if f.suffix.lower() in SUFFIXES)
        for inner in sorted(source.iterdir())
        if inner.is_dir() and not inner.name.startswith(".")
    }
    classes = {name: files for name, files in classes.items() if files}
    _check_classes(source, classes)
    sizes: Counter[tuple[int, int]] = Counter()
    broken: list[str] = []
    grey = True
    for file in (file for files in classes.values() for file in files):
        try:
            size, colours = opened(file)
        except ValueError as error:
            broken.append(f"{file.relative_to(source)} ({error})")
            continue
        sizes[size] += 1
        grey &= not colours
    if broken:
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        raise UserError(
            f"{len(broken)} files of {source} cannot be read: {'; '.join(broken[:3])}{more}; "
            "fix or delete them"
        )
    [(most, _)] = sizes.most_common(1)
    keep = len(sizes) == 1 and max(most) <= MAX_SIDE
    height, width = most if keep else (COMMON_SIDE, COMMON_SIDE)
    return PictureFacts(
        source.resolve(),
        tuple(classes),
        tuple(map(len, classes.values())),
        Size(height, width, 1 if grey else 3),
        len(sizes),
    )


def _check_classes(source: Path, classes: dict[str, list[Path]]) -> None:
    if len(classes) < 2:
        loose = any(file.suffix.lower() in SUFFIXES for file in source.iterdir())
        raise UserError(
            f"{source} must have a folder of pictures ({', '.join(sorted(SUFFIXES))}) for each of "
            f"at least two classes, got {len(classes)}: {', '.join(classes) or 'none'}"
            + ("; if the pictures in the folder itself have masks, add --masks" if loose else "")
        )
    total = sum(map(len, classes.values()))
    if total > MAX_FILES:
        raise UserError(f"{source} must have at most {MAX_FILES:,} pictures, got {total:,}")
    rare = {name: len(files) for name, files in classes.items() if len(files) < MIN_OF_A_CLASS}
    if rare:
        shown = ", ".join(f"{name} ({count})" for name, count in list(rare.items())[:5])
        raise UserError(
            f"each class in {source} must have at least {MIN_OF_A_CLASS} pictures, got {shown}"
        )


def opened(file: Path) -> tuple[tuple[int, int], bool]:
    """Returns a picture's height and width, and whether it has colours. Raises ValueError."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} × {image.height} pixels")
            if image.format not in {"PNG", "JPEG", "GIF", "BMP"}:
                raise ValueError(f"it is {image.format}, not PNG, JPEG, GIF or BMP")
            image.load()
            return (image.height, image.width), image.mode not in {"1", "L", "LA", "I;16"}
    except ValueError:
        raise
    except Exception as error:  # Pillow raises a different error for each format
        words = str(error).partition(" '")[0].partition("<_io")[0].strip()
        raise ValueError(words or type(error).__name__) from error


def _values(name: str, facts: PictureFacts) -> dict[str, str]:
    total = sum(facts.counts)
    steps = -(-round(total * 0.7) // 32)
    return {
        "name": name,
        "source": facts.folder.name,
        "path": folder.path("folder", facts.folder),
        "digest": digest_of(facts.folder, facts.labels),
        "labels": folder.tuple_of(facts.labels),
        "height": str(facts.size.height),
        "width": str(facts.size.width),
        "channels": str(facts.size.channels),
        "classes": str(len(facts.labels)),
        "rows": f"{total:,}",
        "baseline": f"{math.floor(max(facts.counts) / total * 1000) / 1000}",
        "epochs": str(min(60, max(3, EPOCH_STEPS // steps))),
        "schema": HEAD + picture("image") + "\n" + label(len(facts.labels)),
    }


def _report(facts: PictureFacts) -> str:
    size = facts.size
    shown = f"{size.height} × {size.width}, {'grey' if size.channels == 1 else 'colour'}"
    scaled = (
        f"of {facts.sizes} sizes, all scaled to {shown}" if facts.sizes > 1 else f"used as {shown}"
    )
    classes = ", ".join(
        f"{name} ({count})"
        for name, count in list(zip(facts.labels, facts.counts, strict=True))[:8]
    )
    return f"{sum(facts.counts):,} pictures {scaled}\n{len(facts.labels)} classes: {classes}"
