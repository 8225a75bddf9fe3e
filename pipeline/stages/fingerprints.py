"""What each component of the DAG depends on beside its input artifacts, as fingerprints."""

from dataclasses import asdict, dataclass

from core.fingerprint import of_files, of_modules, of_values
from core.toolchain import ROOT
from models.contract import contract
from pipeline.settings.config import Config
from pipeline.targets import TARGETS

_VERDICTS = ("pipeline/stages/components", "core/agreement/checks", "core/agreement/evidence")
_FRAME = (
    *_VERDICTS,
    *("pipeline/stages/dag", "pipeline/stages/evaluation", "pipeline/release/release"),
    *("pipeline/release/integrity", "pipeline/release/sbom"),
)
_LOCK = ROOT / "requirements" / "pipeline.lock"


@dataclass(frozen=True)
class Fingerprints:
    """Digests of the code and settings behind each component.

    Attributes:
        data: how the TFRecords are made.
        gate, transform, trainer, golden, monitoring: of the components of those names.
        convert, check: by target.
    """

    data: str
    gate: str
    transform: str
    trainer: str
    golden: str
    monitoring: str
    convert: dict[str, str]
    check: dict[str, str]
    settings: str

    @classmethod
    def of(cls, config: Config) -> "Fingerprints":
        spec, profile = config.spec, config.profile
        features, network = spec.module_name("features"), spec.module_name("network")
        shape = contract(spec)
        convert, check = {}, {}
        # What no component names as its code: how gates decide, and what a release is made of.
        frame = of_files(ROOT / f"{name}.py" for name in _FRAME)
        verdicts = of_files(ROOT / f"{name}.py" for name in _VERDICTS)
        for name, row in TARGETS.items():
            limits = {variant: asdict(limit) for variant, limit in spec.limits[name].items()}
            code = of_modules(row.module, features) + of_files(row.sources())
            convert[name] = of_values(code, shape, sorted(limits), spec.golden_examples)
            check[name] = of_values(code, of_modules(*row.runs), verdicts, shape, limits)
        return cls(
            data=of_values(of_modules(spec.module_name("data")), dict(profile.examples)),
            gate=of_modules("pipeline.stages.data_gate"),
            transform=of_values(
                of_modules(features, "pipeline.stages.repeatable"), of_files([_LOCK])
            ),
            trainer=of_values(
                of_modules("pipeline.training.trainer", features, network),
                of_files([_LOCK]),
                dict(profile.hyperparameters),
                shape,
            ),
            golden=of_values(of_modules("pipeline.training.export", features), shape),
            monitoring=of_values(of_modules("pipeline.monitor.baseline", features), shape),
            convert=convert,
            check=check,
            settings=of_values(asdict(profile), spec.slice_keys, of_files([spec.schema]), frame),
        )

    def whole(self) -> str:
        """Returns the digest of all of them: what a release is made from."""
        return f"sha256:{of_values(asdict(self))}"
