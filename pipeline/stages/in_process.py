"""Runs a pipeline in this process, without what Beam does for other machines or does repeatedly.

Components that use Beam take seconds for a few hundred rows, most of them for Beam's bookkeeping.
Nothing here has an effect on a result.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MethodType
from typing import Any
from unittest import mock

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.transforms import core
from tfx.dsl.components.base import base_beam_executor

from pipeline.stages.local_tfx import tfx

Arguments = tuple[list[str], list[Any]]


def run(pipeline: tfx.dsl.Pipeline) -> None:
    """Runs the components of a pipeline, one after another."""
    with quick_beam():
        tfx.orchestration.LocalDagRunner().run(pipeline)


@contextmanager
def quick_beam() -> Iterator[None]:
    """Makes the pipelines of Beam in the context begin and end sooner."""
    with ExitStack() as stack:
        for owner, name, replacement in (
            # TFX would make a package of itself for workers on other machines, in each component.
            (base_beam_executor.dependency_utils, "make_beam_dependency_flags", list),
            # A worker would keep copies of states, and measure each; here they are at hand.
            (worker_handlers, "STATE_CACHE_SIZE_MB", 0),
            (PipelineOptions, "view_as", _views(PipelineOptions.view_as)),
            (core, "get_function_args_defaults", _once(core.get_function_args_defaults)),
        ):
            stack.enter_context(mock.patch.object(owner, name, replacement))
        yield


def _views(view_as: Callable[[Any, type], Any]) -> Callable[[Any, type], Any]:
    """Returns ``PipelineOptions.view_as`` that parses the same command line once for each class.

    Beam makes the parser anew, and parses, whenever it looks at an option.
    """
    parsed: dict[tuple[type, tuple[str, ...]], Any] = {}

    def view(self: Any, cls: Any) -> Any:
        if self._flags is None:  # the process's own command line
            return view_as(self, cls)
        key = cls, tuple(self._flags)
        if key not in parsed:
            parsed[key] = vars(cls(self._flags))["_visible_options"]
        options = copy.deepcopy(parsed[key])
        for option, value in vars(options).items():
            self._all_options.setdefault(option, value)
        made = cls.__new__(cls)
        vars(made).update(
            _flags=self._flags, _visible_options=options, _all_options=self._all_options
        )
        return made

    return view


def _once(arguments_of: Callable[[Any], Arguments]) -> Callable[[Any], Arguments]:
    """Returns a function that inspects each function once, and not for each of its objects."""
    known: dict[tuple[Any, bool], Arguments] = {}

    def arguments(function: Any) -> Arguments:
        bound = isinstance(function, MethodType)
        key = (function.__func__ if bound else function), bound
        if key not in known:
            known[key] = arguments_of(function)
        names, defaults = known[key]
        return list(names), list(defaults)

    return arguments
