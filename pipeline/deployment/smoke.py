"""``fanout smoke``: sends the release's golden examples to every deployed target."""

from core.agreement.checks import Check, for_few
from core.agreement.golden import read_golden
from core.errors import UserError
from pipeline.deployment import servers
from pipeline.release import release
from pipeline.settings.config import Config


def smoke(config: Config) -> list[Check]:
    """Returns rows for the server over REST and gRPC, the TensorFlow Lite files and the page.

    Raises:
        UserError: nothing is promoted yet.
    """
    import mobile.target
    import serving.smoke
    import web.checks.smoke

    promoted = release.current(config.build)
    if promoted is None:
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: fanout deploy")
    spec = config.spec
    golden = read_golden(promoted.folder / "golden.json", spec)
    limits = {
        target: {variant: for_few(limit, len(golden)) for variant, limit in variants.items()}
        for target, variants in spec.limits.items()
    }
    where = servers.addresses(config)
    transports = {name: where[name] for name in ("REST", "gRPC")}
    devices = mobile.target.artifacts(promoted.folder / "mobile", spec=spec)
    return [
        *serving.smoke.smoke(
            *(transports, spec.name, golden),
            limits=limits["serving"]["float32"],
            runs_in=servers.runs_in(config),
        ),
        *mobile.target.check(devices, golden, limits=limits["mobile"]),
        *web.checks.smoke.smoke(
            where["page"],
            promoted.folder / "golden.json",
            # The page starts with the first variant of the weights.
            limits=next(iter(limits["web"].values())),
        ),
    ]
