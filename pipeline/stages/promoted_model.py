"""Which model the Evaluator holds a new one against: the current release's."""

from datetime import datetime
from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy

from core.errors import UserError
from pipeline.release import history
from pipeline.release.release import Release, current_version
from pipeline.settings.config import Config
from pipeline.stages.lineage import model_of


class PromotedModel(ResolverStrategy):  # type: ignore[misc]
    """The model of the release promoted last that is not the candidate itself.

    Where no release is known, the newest other blessed model. TFX's LatestBlessedModelStrategy
    does not know of promotions and rollbacks, and finds the candidate as soon as it is blessed:
    the next run would then evaluate it against itself, and everything behind the Evaluator would
    run again although nothing changed.

    Args:
        promoted: ids of models in ML Metadata, in the order of their promotion.
    """

    def __init__(self, promoted: list[int] | None = None) -> None:
        self._promoted = promoted or []

    def resolve_artifacts(
        self,
        store: Any,  # noqa: ARG002 - the interface's
        input_dict: dict[str, list[Any]],
    ) -> dict[str, list[Any]]:
        """Returns at most one model and its blessing; ``candidate`` is passed through."""
        candidates = {artifact.id for artifact in input_dict["candidate"]}
        blessings = {
            blessing.get_int_custom_property("current_model_id"): blessing
            for blessing in sorted(input_dict["model_blessing"], key=lambda found: found.id)
            if blessing.get_int_custom_property("blessed") == 1
        }
        blessed = {
            model.id: model
            for model in sorted(input_dict["model"], key=lambda found: found.id)
            if model.id in blessings and model.id not in candidates
        }
        order = [id_ for id_ in self._promoted if id_ in blessed]
        order = order if self._promoted else list(blessed)
        return {
            "candidate": input_dict["candidate"],
            "model": [blessed[id_] for id_ in order[-1:]],
            "model_blessing": [blessings[id_] for id_ in order[-1:]],
        }


def promoted_models(config: Config) -> list[int]:
    """Returns the ids in ML Metadata of the promoted releases' models, the current one's last.

    A release whose run is no longer recorded is left out.
    """
    now = current_version(config.build)
    try:
        switches = history.read(config.build.promotions, now)
        promoted = [switch.version for switch in switches]
    except UserError:  # what the link says is still true
        promoted = [now] if now is not None else []
    found = []
    for version in promoted:
        try:
            made = Release.open(config.build.releases / str(version))
        except UserError:
            continue
        model = model_of(config.build.metadata, datetime.fromisoformat(made.manifest["created"]))
        found += [model] if model is not None else []
    return found
