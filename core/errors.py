"""The errors a user can meet. The command line prints them as one line, without a traceback.

FanoutError
├── UserError     what was asked for cannot be done: a bad name, a missing file, a port in use
├── DataError     the data is missing, damaged or not what the schema says
└── GateError     a gate stopped the run: anomalies, an unblessed model, a failed check
"""


class FanoutError(Exception):
    """Anything that ends a command with a message. ``exit_code`` is the command's."""

    exit_code = 1


class UserError(FanoutError):
    """What was asked for cannot be done; the message says what would be right."""

    exit_code = 2


class DataError(FanoutError):
    """The data is missing, damaged, or not what the schema says."""


class GateError(FanoutError):
    """A gate of the pipeline said no. Nothing after it ran, and the last good release stays."""

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__(f"gate {gate}: {reason}")
        self.gate = gate
        self.reason = reason
