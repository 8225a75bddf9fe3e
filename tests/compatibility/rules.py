"""Records which of the product's rules rewrite a row's graph while it is converted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from mobile.conversion.conversion import Source
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.table import RULES
from mobile.target import TARGET
from tests.compatibility.exported import Exported
from web.conversion import graph_models


def of_mobile(exported: Exported) -> list[str]:
    """Returns a line for each rule that changes the graph for TensorFlow Lite, in int8 or always.

    The conversion is a process of its own, so the rules are applied once more here.
    """
    source = Source(exported.saved_model, exported.spec(TARGET, ()))
    graph = FrozenGraph.of(source._function)
    applied: list[str] = []
    for name, rule in RULES.items():
        changed = rule.apply(graph)
        if changed is not graph:
            _note(applied, f"{name}: {rule.changes}, as {rule.why}")
        graph = changed
    return applied


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
