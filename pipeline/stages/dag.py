"""The pipeline as a DAG of TFX components: one validated SavedModel, fanned out to its targets."""

import time
from dataclasses import dataclass
from typing import Any

import tensorflow_model_analysis as tfma  # noqa: F401 - registers TFMA's protos before TFX reads them

from models.spec import SPLITS
from pipeline.settings.config import Config
from pipeline.stages.components import CheckTarget, Convert, DataGate, GoldenSet, MonitoringBaseline
from pipeline.stages.evaluation import eval_config
from pipeline.stages.fingerprints import Fingerprints
from pipeline.stages.local_tfx import tfx
from pipeline.stages.promoted_model import PromotedModel, promoted_models
from pipeline.stages.repeatable import ImportExampleGen, Transform
from pipeline.stages.retries import conversion, retry_mark
from pipeline.targets import target_named, targets_of


@dataclass(frozen=True)
class Prepared:
    """The first part of training and tuning: the checked examples, and what Transform learns."""

    examples: ImportExampleGen
    statistics: tfx.components.StatisticsGen
    schema: tfx.components.ImportSchemaGen
    validator: tfx.components.ExampleValidator
    gate: Any
    transform: Transform


def prepared(config: Config, prints: Fingerprints) -> Prepared:
    """Returns the components from the TFRecords to Transform."""
    spec = config.spec

    # The examples in three splits: train, eval (to monitor training), test (to judge the model).
    splits = [tfx.proto.Input.Split(name=split, pattern=f"{split}/*.tfrecord") for split in SPLITS]
    examples = ImportExampleGen(
        input_base=str(config.build.tfrecords), input_config=tfx.proto.Input(splits=splits)
    )

    # The data gate: statistics against the curated schema; an anomaly stops the run.
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.ImportSchemaGen(schema_file=str(spec.schema))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    gate = DataGate(anomalies=validator.outputs["anomalies"], fingerprint=prints.gate)

    # A full pass over the training split; its results are baked into the network.
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn=f"{spec.module_name('features')}.preprocessing_fn",
        splits_config=tfx.proto.SplitsConfig(analyze=["train"], transform=["train"]),
        materialize=False,
        # StatisticsGen has them already; computing them here would decode every picture again.
        disable_statistics=True,
        custom_config={"fingerprint": prints.transform},
    )
    transform.add_upstream_node(gate)
    return Prepared(examples, statistics, schema, validator, gate, transform)


def create_tuning_pipeline(config: Config, search: dict[str, Any]) -> tfx.dsl.Pipeline:
    """Returns the pipeline that searches for better hyperparameters; nothing runs yet.

    Args:
        config: with the profile's own values.
        search: the limits and the folder that ``pipeline/training/search.py`` takes.
    """
    prints = Fingerprints.of(config)
    ready = prepared(config, prints)
    tuner = tfx.components.Tuner(
        tuner_fn="pipeline.training.search.tuner_fn",
        examples=ready.examples.outputs["examples"],
        schema=ready.schema.outputs["schema"],
        transform_graph=ready.transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
        custom_config={
            "model": config.spec.name,
            "hyperparameters": dict(config.profile.hyperparameters),
            "fingerprint": prints.trainer,
            # A search that ran out of time continues; TFX's cache would treat it as done.
            "begun": time.time_ns(),
            **search,
        },
    )
    return _pipeline(config, [*vars(ready).values(), tuner])


def create_pipeline(config: Config) -> tfx.dsl.Pipeline:
    """Returns the pipeline of a model and profile; nothing runs yet."""
    spec, profile, prints = config.spec, config.profile, Fingerprints.of(config)
    ready = prepared(config, prints)
    examples, schema, transform = ready.examples, ready.schema, ready.transform

    trainer = tfx.components.Trainer(
        run_fn="pipeline.training.trainer.run_fn",
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
        custom_config={
            "model": spec.name,
            "hyperparameters": dict(profile.hyperparameters),
            "fingerprint": prints.trainer,
        },
    )

    # The model gate: finite answers, and scores overall and by slice, also against the current
    # release's.
    baseline = tfx.dsl.Resolver(
        strategy_class=PromotedModel,
        config={"promoted": promoted_models(config)},
        candidate=trainer.outputs["model"],
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
        model_blessing=tfx.dsl.Channel(type=tfx.types.standard_artifacts.ModelBlessing),
    ).with_id("PromotedModel")
    evaluator = tfx.components.Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=schema.outputs["schema"],
        eval_config=eval_config(spec, profile, code=prints.evaluator),
        example_splits=["test"],
    )
    golden = GoldenSet(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        blessing=evaluator.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        spec_name=spec.name,
        fingerprint=prints.golden,
    )

    # The statistics that `fanout monitor` compares the server's requests with.
    monitoring = MonitoringBaseline(
        examples=examples.outputs["examples"],
        golden=golden.outputs["golden"],
        spec_name=spec.name,
        fingerprint=prints.monitoring,
    )

    # The fan-out: only what ran in its own runtime, and agreed, is pushed.
    fan_out = []
    for target in targets_of(spec):
        convert = Convert(
            model=trainer.outputs["model"],
            blessing=evaluator.outputs["blessing"],
            examples=examples.outputs["examples"],
            golden=golden.outputs["golden"],
            target=target,
            spec_name=spec.name,
            fingerprint=prints.convert[target] + retry_mark(config, conversion(target)),
        ).with_id(f"Convert.{target}")
        check = CheckTarget(
            converted=convert.outputs["converted"],
            golden=golden.outputs["golden"],
            target=target,
            spec_name=spec.name,
            examples=target_named(target).examples(profile) or 0,
            fingerprint=prints.check[target] + retry_mark(config, target),
        ).with_id(f"Check.{target}")
        pusher = tfx.components.Pusher(
            model=convert.outputs["converted"],
            infra_blessing=check.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(
                    base_directory=str(config.build.pushed / target)
                )
            ),
        ).with_id(f"Pusher.{target}")
        fan_out += [convert, check, pusher]

    return _pipeline(
        config,
        [*vars(ready).values(), trainer, baseline, evaluator, golden, monitoring, *fan_out],
    )


def _pipeline(config: Config, components: list[Any]) -> tfx.dsl.Pipeline:
    # Both pipelines have the same name, so each takes from the cache what the other prepared.
    return tfx.dsl.Pipeline(
        pipeline_name=config.build.name,
        pipeline_root=str(config.build.artifacts),
        components=components,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(config.build.metadata)
        ),
        enable_cache=True,
        # Otherwise newer versions of Beam would download the Prism runner.
        beam_pipeline_args=["--direct_running_mode=in_memory"],
    )
