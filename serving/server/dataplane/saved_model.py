"""A loaded SavedModel: its signatures, and calls of them with arrays."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.server.dataplane import shapes
from serving.server.dataplane.pace import Pace
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.statuses import Code, ServingError, from_exception, invalid
from serving.server.dataplane.tensors import Signature, TensorInfo, Tensors

DEFAULT_SIGNATURE = "serving_default"
INIT_OP_SIGNATURE = "__saved_model_init_op"
# A client selects the outputs of a gRPC request; each selection needs its own prepared call.
MAX_PREPARED_CALLS = 64
# RunOptions: the executor runs in the calling thread. That halves the latency of small models.
CALLER_THREAD = -1


class Servable:
    """One version of a model in memory.

    It runs in a TensorFlow session, as in TensorFlow Serving, because a prepared session call costs
    less than half as much as calling a signature of the loaded object, and TF1 models load too.
    """

    def __init__(
        self, name: str, version: int, session: Any, meta_graph: Any, parallel: bool = False
    ) -> None:
        self.name = name
        self.version = version
        self.signatures = _signatures(meta_graph)
        self.signature_defs = meta_graph.signature_def
        self._session = session
        self._thread_pool = 0 if parallel else CALLER_THREAD
        self._calls: OrderedDict[tuple[str, tuple[str, ...]], Callable[..., Any]] = OrderedDict()
        # Whether classify and regress accept only signatures with that method name. TF2 gives all
        # signatures the method name of predict, so TensorFlow Serving ignores it by default.
        self.check_methods = False
        # The signatures whose requests may be joined; see serving.server.dataplane.independence.
        self.joinable: frozenset[str] = frozenset()
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()

    def signature(self, name: str) -> Signature | None:
        """Returns a signature; the default one for an empty name; None if it does not exist."""
        return self.signatures.get(name or DEFAULT_SIGNATURE)

    def pace(self, signature: str) -> Pace:
        """Returns the recorded durations of a signature's calls."""
        return self._paces.setdefault(signature, Pace())

    def run(
        self, signature: Signature, inputs: Mapping[str, Any], outputs: Sequence[str] = ()
    ) -> Tensors:
        """Returns the named outputs of a signature; all of them for an empty list.

        This is the last place before TensorFlow, so shapes are checked here too. Raises
        ServingError when they are not the signature's, and with TensorFlow's code when the graph
        refuses the inputs.
        """
        shapes.check(signature, inputs)
        aliases = tuple(outputs) or tuple(signature.outputs)
        call = self._call(signature, aliases)
        try:
            values = call(*[inputs[alias] for alias in signature.inputs])
        except UnicodeDecodeError as error:
            # The graph quotes the input in its error message, and TensorFlow's Python code expects
            # UTF-8 there; the error's code is lost.
            raise invalid(error.object.decode("utf-8", "replace")) from error
        except Exception as error:  # the graph may raise anything; the client gets its code
            raise from_exception(error) from error
        return {alias: np.asarray(value) for alias, value in zip(aliases, values, strict=True)}

    def close(self) -> None:
        """Frees the model. No call may be under way."""
        self._calls.clear()
        self._session.close()

    def _call(self, signature: Signature, aliases: tuple[str, ...]) -> Callable[..., Any]:
        key = (signature.name, aliases)
        with self._lock:
            call = self._calls.get(key)
            if call is None:
                call = self._prepare(signature, aliases)
                self._calls[key] = call
                if len(self._calls) > MAX_PREPARED_CALLS:
                    self._calls.popitem(last=False)
            return call

    def _prepare(self, signature: Signature, aliases: tuple[str, ...]) -> Callable[..., Any]:
        from tensorflow.core.protobuf import config_pb2

        options = config_pb2.CallableOptions(
            feed=[info.tensor for info in signature.inputs.values()],
            fetch=[signature.outputs[alias].tensor for alias in aliases],
        )
        options.run_options.inter_op_thread_pool = self._thread_pool
        # The public make_callable() takes no run options and adds 0.1 to 0.3 ms per call.
        prepared: Callable[..., Any] = self._session._make_callable_from_options(options)  # noqa: SLF001 - docs/private-parts.md
        return prepared


def load(
    path: Path,
    *,
    name: str,
    version: int,
    tags: Sequence[str] = ("serve",),
    threads: tuple[int, int] = (0, 0),
) -> Servable:
    """Returns the SavedModel in a version directory, loaded and initialised.

    Args:
        path: the directory of ``saved_model.pb``.
        name, version: that requests use.
        tags: of the MetaGraph to load.
        threads: within an operation, and for operations in parallel; 0 for TensorFlow's choice.

    Raises ServingError when it is missing, incomplete or damaged.
    """
    if not any((path / file).is_file() for file in ("saved_model.pb", "saved_model.pbtxt")):
        raise ServingError(Code.NOT_FOUND, f"no saved_model.pb in {path}")
    tf = tensorflow()
    v1 = tf.compat.v1
    graph = tf.Graph()
    # Looking for a GPU prints errors where there is none.
    config = v1.ConfigProto(
        device_count={"GPU": 0},
        intra_op_parallelism_threads=threads[0],
        inter_op_parallelism_threads=threads[1],
    )
    # Spinning threads would occupy the core that reads the next requests.
    config.experimental.disable_thread_spinning = True
    session = v1.Session(graph=graph, config=config)
    verbosity = v1.logging.get_verbosity()
    v1.logging.set_verbosity(v1.logging.ERROR)  # the loader is deprecated
    try:
        with graph.as_default():
            meta_graph = v1.saved_model.load(session, list(tags), str(path))
        return Servable(name, version, session, meta_graph, parallel=threads[1] > 1)
    except Exception as error:
        session.close()
        raise _load_error(path, error) from error
    finally:
        v1.logging.set_verbosity(verbosity)


def _load_error(path: Path, error: Exception) -> ServingError:
    cause = from_exception(error)
    code = Code.DATA_LOSS if cause.code is Code.INTERNAL else cause.code
    first_line = cause.message.strip().splitlines()[0] if cause.message.strip() else ""
    return ServingError(code, f"{path} does not load as a SavedModel: {first_line}")


def _signatures(meta_graph: Any) -> dict[str, Signature]:
    return {
        name: Signature(
            name, definition.method_name, tensors(definition.inputs), tensors(definition.outputs)
        )
        for name, definition in sorted(meta_graph.signature_def.items())
        if name != INIT_OP_SIGNATURE
    }


def tensors(infos: Any) -> dict[str, TensorInfo]:
    """Returns the inputs or outputs of a SignatureDef, by alias in alphabetical order."""
    return {alias: _tensor(info) for alias, info in sorted(infos.items())}


def _tensor(info: Any) -> TensorInfo:
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(int(dim.size) for dim in shape.dim)
    return TensorInfo(info.name, int(info.dtype), sizes)
