"""``fanout-model-server``: a small parent, and a child that serves."""

import sys
from collections.abc import Sequence

from serving.server import supervisor
from serving.server.supervisor import Life


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 after a clean stop; otherwise one line on stderr says why."""
    words = sys.argv[1:] if arguments is None else arguments
    if supervisor.is_wanted(words):
        return supervisor.run(lambda life: _serve(words, life))
    return _serve(words, None)


def _serve(arguments: Sequence[str], life: Life | None) -> int:
    from serving.server import program  # large: the parent must not import it

    return program.main(arguments, life)


if __name__ == "__main__":
    sys.exit(main())
