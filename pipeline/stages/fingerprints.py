"""Fingerprints of what each component of the DAG depends on, apart from its input artifacts.

A fingerprint covers the modules that a stage's code reaches through imports, the settings that it
uses, and the files that it reads. All of them together are the fingerprint of a release.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from core.fingerprint import file_of, of_code, of_files, of_modules, of_values
from core.toolchain import ROOT
from models.contract import contract
from models.spec import ModelSpec
from pipeline.settings.config import Config
from pipeline.targets import TARGETS, targets_of

# Modules into which imports are not followed: nothing in a release comes from them.
LEFT_OUT = {
    "core.console": "lines on the terminal",
    "pipeline.training.epoch_lines": "lines on the terminal",
    "pipeline.stages.component_lines": "lines on the terminal",
    "pipeline.settings": "the fingerprints include the values that are used",
}
# The wrappers that TFX runs. Only their own code counts, as together they import everything.
_COMPONENTS = "pipeline.stages.components"
_FAN_OUT = "pipeline.stages.fan_out"
_WRITER = "pipeline.stages.tfrecords"
# The modules that assemble the pipeline, and the parts of a release.
_RELEASE = ("pipeline.stages.dag", "pipeline.commands.parts")
_LOCKS = ROOT / "requirements"
_LOCK = _LOCKS / "pipeline.lock"
# Files other than Python that the code that makes a release reads.
_RELEASE_FILES = (ROOT / "pipeline" / "html" / "style.css", _LOCKS / "tools.lock")


@dataclass(frozen=True)
class Fingerprints:
    """Digests of the code and settings behind each component.

    Attributes:
        data: for the code that makes the TFRecords.
        gate, transform, trainer, evaluator, golden, monitoring: for the components of those names.
        convert, check: by target, of those that the model has.
        settings: for the settings that TFX's own components take.
        release: for the code that assembles the pipeline and a release, including the report.
    """

    data: str
    gate: str
    transform: str
    trainer: str
    evaluator: str
    golden: str
    monitoring: str
    convert: dict[str, str]
    check: dict[str, str]
    settings: str
    release: str

    @classmethod
    def of(cls, config: Config) -> "Fingerprints":
        spec, profile = config.spec, config.profile
        shape = contract(spec)
        code = {stage: of_modules(*modules, without=LEFT_OUT) for stage, modules in entries(spec)}
        # What the report and the contract say about a model; other profiles do not matter.
        described = {k: v for k, v in asdict(spec).items() if k not in ("profiles", "search")}
        wrappers = of_code([file] if (file := file_of(_COMPONENTS)) else [])
        convert, check = {}, {}
        for name in targets_of(spec):
            common = of_values(wrappers, of_files(TARGETS[name].sources()), shape)
            limits = {variant: asdict(limit) for variant, limit in spec.limits[name].items()}
            convert[name] = of_values(
                code[f"convert.{name}"], common, sorted(limits), spec.golden_examples
            )
            check[name] = of_values(code[f"check.{name}"], common, limits)
        return cls(
            data=of_values(code["data"], dict(profile.examples)),
            gate=of_values(code["gate"], wrappers),
            transform=of_values(code["transform"], of_files([_LOCK])),
            trainer=of_values(
                code["trainer"], of_files([_LOCK]), dict(profile.hyperparameters), shape
            ),
            evaluator=of_values(code["evaluator"], of_files([_LOCK])),
            golden=of_values(code["golden"], wrappers, shape, spec.label_keys),
            monitoring=of_values(code["monitoring"], wrappers, shape),
            convert=convert,
            check=check,
            settings=of_values(asdict(profile), spec.slice_keys, of_files([spec.schema])),
            release=of_values(code["release"], of_files(_RELEASE_FILES), described),
        )

    def whole(self) -> str:
        """Returns the digest of all fingerprints together, which is the release's."""
        return f"sha256:{of_values(asdict(self))}"


def entries(spec: ModelSpec) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields each stage with the entry modules of its code."""
    features, network = spec.module_name("features"), spec.module_name("network")
    yield "data", (_WRITER, spec.module_name("data"))
    yield "gate", ("pipeline.stages.data_gate",)
    yield "transform", ("pipeline.stages.repeatable", features)
    yield "trainer", ("pipeline.training.trainer", features, network)
    yield "evaluator", ("pipeline.stages.scores",)
    yield "golden", ("core.agreement.golden", features)
    yield "monitoring", ("pipeline.monitor.baseline", features)
    rows = {name: TARGETS[name] for name in targets_of(spec)}
    for name, row in rows.items():
        yield f"convert.{name}", (row.module, _FAN_OUT, features)
        checked = (row.module, *row.runs, _FAN_OUT, "core.agreement.evidence", features)
        yield f"check.{name}", checked
    yield "release", (*_RELEASE, *(row.released for row in rows.values()))
