"""Records which of the product's rules rewrite a row's graph while it is converted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from mobile.conversion import conversion
from mobile.conversion.rules.table import RULES, rules_for
from web.conversion import graph_models


@contextmanager
def of_mobile() -> Iterator[list[str]]:
    """Yields a list that gets a line for each rule that changes a graph for TensorFlow Lite."""
    applied: list[str] = []
    names = {id(rule): name for name, rule in RULES.items()}

    def recording(rule: Any) -> Any:
        def apply(graph: Any) -> Any:
            changed = rule.apply(graph)
            if changed is not graph:
                _note(applied, f"{names[id(rule)]}: {rule.changes}, as {rule.why}")
            return changed

        return replace(rule, apply=apply)

    def recorded(*, calibrated: bool) -> list[Any]:
        return [recording(rule) for rule in rules_for(calibrated=calibrated)]

    with mock.patch.object(conversion, "rules_for", recorded):
        yield applied


@contextmanager
def of_web() -> Iterator[list[str]]:
    """Yields a list that gets a line for each rule that changes a graph for TensorFlow.js."""
    applied: list[str] = []
    rewritten: Callable[..., Any] | None = getattr(graph_models, "rewritten", None)
    if rewritten is None:
        yield applied
        return
    from web.conversion.rules.table import RULES as WEB_RULES

    def recording(rule: Any) -> Any:
        def rewrite(operation: Any) -> Any:
            results = rule.rewrite(operation)
            if results is not None:
                _note(applied, f"{operation.kind}: {rule.why}")
            return results

        return replace(rule, rewrite=rewrite)

    rules = tuple(recording(rule) for rule in WEB_RULES)
    with mock.patch.object(graph_models, "rewritten", lambda model: rewritten(model, rules)):
        yield applied


def _note(applied: list[str], line: str) -> None:
    if line not in applied:
        applied.append(line)
