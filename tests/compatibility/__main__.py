"""Tries rows of the compatibility table: python -m tests.compatibility [ROW or PATTERN …]

Each row is a small Keras model, exported, converted and run by the product's own code on every
runtime. Results are kept in a folder, one JSON file per row, and not made again unless --again.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("mobile", "web")
PAGE = "docs/compatibility.md"


def main() -> int:
    """Returns the exit code: 0 when every row was tried, whatever came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.compatibility", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help="names or patterns; all rows if none"
    )
    parser.add_argument("--list", action="store_true", help="print the rows' names and end")
    parser.add_argument("--summary", action="store_true", help="only the 105 rows of the summary")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--page", action="store_true", help=f"write {PAGE} from all kept results")
    parser.add_argument("--again", action="store_true", help="try rows again that have results")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "compatibility")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from core.errors import UserError
    from tests.compatibility import page, program
    from tests.compatibility.rows import ROWS, matching
    from tests.compatibility.summary_rows import NAMES

    try:
        rows = matching(options.rows or (list(NAMES) if options.summary else []))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if options.list:
        print("\n".join(f"{row.family}: {row.name}" for row in rows))
        return 0
    if options.again:
        for row in rows:
            (options.out / f"{row.file_name}.json").unlink(missing_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    results = program.run(rows, options.targets, options.out, options.processes)
    for number, result in enumerate(results, 1):
        seconds = time.monotonic() - start
        print(
            f"{seconds:6.0f} s {number:3}/{len(rows)} {result['name']}: {_short(result)}",
            flush=True,
        )
    if options.page:
        page.write(ROOT / PAGE, ROWS, program.kept(ROWS, options.out))
    return 0


def _short(result: Mapping[str, Any]) -> str:
    cells = result["cells"]
    verdicts: dict[str, list[str]] = {}
    for name, cell in cells.items():
        verdicts.setdefault(cell["verdict"], []).append(name)
    agreeing = len(verdicts.pop("agrees", []))
    others = "; ".join(f"{verdict}: {', '.join(names)}" for verdict, names in verdicts.items())
    return f"{agreeing} of {len(cells)} agree" + (f"; {others}" if others else "")


if __name__ == "__main__":
    sys.exit(main())
