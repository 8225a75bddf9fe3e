"""The model that the Evaluator compares a new one with: the current release's."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy

from core.errors import UserError
from models.contract import SIGNATURE_EXAMPLES
from pipeline.release import history
from pipeline.release.release import Release, current_version
from pipeline.settings.config import Config
from pipeline.stages.lineage import model_of


class PromotedModel(ResolverStrategy):  # type: ignore[misc]
    """Resolves the last promoted model that is not the candidate itself.

    If no release is known, it resolves the newest other blessed model. TFX's
    LatestBlessedModelStrategy does not know promotions and rollbacks, and finds the candidate as
    soon as it is blessed. The next run would then evaluate the candidate against itself, and
    everything after the Evaluator would run again although nothing changed.

    A model that answers with other outputs, or other shapes, than the candidate is not resolved:
    TFMA would not find what it compares.

    Args:
        promoted: ids of models in ML Metadata, in the order of their promotion.
    """

    def __init__(self, promoted: list[int] | None = None) -> None:
        self._promoted = promoted or []

    def resolve_artifacts(
        self,
        store: Any,  # noqa: ARG002 - part of the interface
        input_dict: dict[str, list[Any]],
    ) -> dict[str, list[Any]]:
        """Returns at most one model and its blessing; ``candidate`` is passed through."""
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda artifact: artifact.id)
            if blessing.get_int_custom_property("blessed") == 1
        }
        blessed = {
            model.id: model
            for model in sorted(input_dict["model"], key=lambda artifact: artifact.id)
            if model.id in blessings and model.id not in candidates
        }
        order = [id_ for id_ in self._promoted if id_ in blessed]
        order = order if self._promoted else list(blessed)
        answers = [_answers(candidate) for candidate in input_dict["candidate"]]
        found = [id_ for id_ in order[-1:] if _answers(blessed[id_]) in answers]
        return {
            "candidate": input_dict["candidate"],
            "model": [blessed[id_] for id_ in found],
            "model_blessing": [blessings[id_] for id_ in found],
        }


def _answers(model: Any) -> dict[str, tuple[int, list[int]]] | None:
    """Returns the outputs that TFMA asks a SavedModel for, with their types and shapes."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    file = Path(model.uri) / "Format-Serving" / "saved_model.pb"
    if not file.is_file():
        return None
    graphs = SavedModel.FromString(file.read_bytes()).meta_graphs
    outputs = graphs[0].signature_def[SIGNATURE_EXAMPLES].outputs
    return {
        name: (tensor.dtype, [dim.size for dim in tensor.tensor_shape.dim])
        for name, tensor in outputs.items()
    }


def promoted_models(config: Config) -> list[int]:
    """Returns the ML Metadata ids of the promoted releases' models; the current one's is last.

    A release whose run is no longer recorded is left out.
    """
    now = current_version(config.build)
    try:
        switches = history.read(config.build.promotions, now)
        promoted = [switch.version for switch in switches]
    except UserError:  # the link is still correct
        promoted = [now] if now is not None else []
    models = []
    for version in promoted:
        try:
            opened = Release.open(config.build.releases / str(version))
        except UserError:
            continue
        model = model_of(config.build.metadata, datetime.fromisoformat(opened.manifest["created"]))
        models += [model] if model is not None else []
    return models
