"""The parts of a release: the outputs of the last run, and their report."""

from pathlib import Path

from core.agreement.golden import Golden
from core.files import sha256
from core.fingerprint import of_values
from pipeline.monitor.baseline import FOLDER as MONITORING
from pipeline.release.assemble import Parts
from pipeline.report import gather, render
from pipeline.settings.config import Config
from pipeline.stages.components import converted_folder, read_checks, read_digests
from pipeline.stages.evaluation import read_evaluation
from pipeline.stages.fan_out import has_refusals
from pipeline.stages.lineage import last_run
from pipeline.targets import targets_of


def parts_of_last_run(config: Config, fingerprint: str) -> Parts:
    """Returns the parts, with only those targets that were pushed."""
    last = last_run(config.build.metadata)
    evaluation = last["Evaluator"]["evaluation"]
    targets = targets_of(config.spec)
    blessings = {target: last[f"Check.{target}"]["blessing"].folder for target in targets}
    pushed: dict[str, Path] = {}
    for target in targets:
        model = last[f"Pusher.{target}"]["pushed_model"]
        if model.properties.get("pushed") == 1:
            pushed[target] = model.folder
    return Parts(
        targets=pushed,
        golden=Golden.load(last["GoldenSet"]["golden"].folder),
        metrics={
            **read_evaluation(evaluation.folder, config.spec).to_json(),
            "made_up": config.spec.made_up,
            # What the next release's report needs to know whether it was measured on the same.
            "test_split": _test_split(config),
        },
        checks=[row for folder in blessings.values() for row in read_checks(folder)],
        beside={MONITORING: last["MonitoringBaseline"]["statistics"].folder},
        fingerprint=fingerprint,
        checked={target: read_digests(folder) for target, folder in blessings.items()},
        report=lambda manifest: render(gather(config, manifest)),
    )


def _test_split(config: Config) -> str:
    """Returns the digest of the examples that the Evaluator measured."""
    files = sorted((config.build.tfrecords / "test").glob("*.tfrecord"))
    return f"sha256:{of_values([sha256(file) for file in files])}"


def refused_targets(config: Config, parts: Parts) -> list[str]:
    """Returns the targets that stop the release because the last run could not convert for them."""
    last = last_run(config.build.metadata)
    stopped = sorted({check.target for check in parts.checks if check.stops_release})
    return [
        target
        for target in stopped
        if has_refusals(converted_folder(last[f"Convert.{target}"]["converted"].folder))
    ]
