"""python -m tests.programs.held WORDS VERB…: a verb of ``fanout`` that goes no further than a line.

Once it has said a line with these words it waits for a signal. What is to be killed at a moment is
still there when the signal comes, however fast the machine is.
"""

import signal
import sys
from typing import Any

from rich.text import Text

from core.console import CONSOLE
from pipeline.commands import cli


def hold_at(words: str) -> None:
    """Makes this process wait, for ever, once it has said a line with these words."""
    say = CONSOLE.print

    def say_and_wait(*said: Any, **options: Any) -> None:
        say(*said, **options)
        if any(isinstance(one, str) and words in Text.from_markup(one).plain for one in said):
            while True:
                signal.pause()

    CONSOLE.print = say_and_wait  # type: ignore[method-assign]


if __name__ == "__main__":
    hold_at(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:]))
