"""python -m tests.pipeline.stages.in_process_program: a pipeline of Beam, as it is and made quick.

It prints, as JSON, the results of both, how often Beam did what is left out, and what each option's
class makes of a command line.
"""

import json
import sys
import tempfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import apache_beam as beam
from apache_beam.options import pipeline_options
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker import statecache
from apache_beam.transforms import core
from tfx.utils import dependency_utils

from pipeline.stages import in_process

FLAGS = ["--direct_running_mode=in_memory", "--labels=part=one", "--experiments=some"]


def results() -> list[str]:
    """Returns what a pipeline with a group and a side input makes of some numbers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "groups"
        with beam.Pipeline(argv=FLAGS) as pipeline:
            numbers = pipeline | beam.Create(range(20))
            most = beam.pvalue.AsSingleton(numbers | beam.CombineGlobally(max))
            (
                numbers
                | beam.Map(lambda number, most: (number % 3, most - number), most)
                | beam.GroupByKey()
                | beam.Map(lambda pair: f"{pair[0]}: {sorted(pair[1])}")
                | beam.io.WriteToText(str(file), shard_name_template="")
            )
        return sorted(file.read_text().splitlines())


def options() -> dict[str, str]:
    """Returns the options that each class sees, and those that all of them share."""
    given = PipelineOptions(FLAGS)
    seen = {cls.__name__: str(given.view_as(cls)) for cls in PipelineOptions.__subclasses__()}
    # A change in one view is seen in all of them, but not in those of another command line.
    debugging = pipeline_options.DebugOptions
    given.view_as(debugging).experiments.append("other")
    experiments = [view.view_as(debugging).experiments for view in (given, PipelineOptions(FLAGS))]
    return {**seen, "experiments": str(experiments), "all": str(sorted(given.get_all_options()))}


def observed(*, quick: bool) -> dict[str, Any]:
    done: Counter[str] = Counter()

    def counted(owner: Any, name: str) -> Any:
        original = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            done[name] += 1
            return original(*arguments, **named)

        return mock.patch.object(owner, name, call)

    with (
        counted(pipeline_options, "_BeamArgumentParser"),
        counted(core, "get_signature"),
        counted(statecache, "get_deep_size"),
        mock.patch.object(dependency_utils, "build_ephemeral_package", return_value="made"),
        in_process.quick_beam() if quick else nullcontext(),
    ):
        made = results()
        flags = dependency_utils.make_beam_dependency_flags(FLAGS)
        return {"results": made, "done": done, "flags": flags, "options": options()}


def main() -> None:
    plain, quick = observed(quick=False), observed(quick=True)
    cloud = "google.cloud.aiplatform" in sys.modules
    print(json.dumps({"plain": plain, "quick": quick, "cloud": cloud}))


if __name__ == "__main__":
    main()
