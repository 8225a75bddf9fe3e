"""python -m tests.programs.held WORDS VERB…: a verb of ``fanout`` that stops at a printed line.

Once it has printed a line with these words, it waits for a signal. A process that is to be killed
at a certain moment is then still there when the signal comes, however fast the machine is.
"""

import sys
import time
from typing import Any

from rich.text import Text

from core.console import CONSOLE
from pipeline.commands import cli


def hold_at(words: str) -> None:
    """Makes this process wait forever once it has printed a line with these words."""
    print_line = CONSOLE.print

    def print_and_wait(*parts: Any, **options: Any) -> None:
        print_line(*parts, **options)
        if any(isinstance(part, str) and words in Text.from_markup(part).plain for part in parts):
            while True:
                # Not signal.pause(): a signal that comes just before it would not end it.
                time.sleep(0.1)

    CONSOLE.print = print_and_wait  # type: ignore[method-assign]


if __name__ == "__main__":
    hold_at(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:]))
