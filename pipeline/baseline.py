"""Which model the Evaluator holds a new one against."""

from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy


class LatestOtherBlessedModel(ResolverStrategy):  # type: ignore[misc]
    """The newest blessed model that is not the candidate itself.

    TFX's LatestBlessedModelStrategy finds the candidate as soon as it is blessed: the next run
    would then evaluate it against itself, and everything behind the Evaluator would run again
    although nothing changed.
    """

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
        blessed = [
            model
            for model in sorted(input_dict["model"], key=lambda found: found.id)
            if model.id in blessings and model.id not in candidates
        ]
        return {
            "candidate": input_dict["candidate"],
            "model": blessed[-1:],
            "model_blessing": [blessings[model.id] for model in blessed[-1:]],
        }
