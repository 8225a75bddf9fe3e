"""The errors that a user can see. The command line prints each as one line without a traceback.

FanoutError
├── UserError     the request cannot be met: a bad name, a missing file, a port in use
├── DataError     the data is missing, is damaged or does not match the schema
└── GateError     a gate stopped the run: anomalies, an unblessed model, a failed check
"""


class FanoutError(Exception):
    """Any error that ends a command with a message; ``exit_code`` is the command's exit code."""

    exit_code = 1


class UserError(FanoutError):
    """The request cannot be met; the message says what would be right."""

    exit_code = 2


class DataError(FanoutError):
    """The data is missing, is damaged or does not match the schema."""


class GateError(FanoutError):
    """A gate stopped the pipeline. Nothing after it ran, and the last good release stays."""

    def __init__(self, gate: str, reason: str) -> None:
        super().__init__(f"gate {gate}: {reason}")
        self.gate = gate
        self.reason = reason
