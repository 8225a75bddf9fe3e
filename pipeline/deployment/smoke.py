"""``fanout smoke``: sends the release's golden examples to every deployed target."""

from collections.abc import Sequence
from dataclasses import replace

from core.agreement.checks import Check, for_few
from core.agreement.golden import read_golden
from core.console import CONSOLE
from core.errors import UserError
from pipeline.deployment import model_server, servers, supervision
from pipeline.release import release
from pipeline.settings.config import Config


def smoke(config: Config) -> list[Check]:
    """Returns rows for the server over REST and gRPC, the TensorFlow Lite files and the page.

    A target that the release or the model's limits leave out has no rows.

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
    rows = serving.smoke.smoke(
        *(transports, spec.name, golden),
        limits=limits["serving"]["float32"],
        runs_in=servers.runs_in(config),
    )
    rows = _explained(config, rows)
    if limits.get("mobile") and promoted.has("mobile"):
        devices = mobile.target.artifacts(promoted.part("mobile"), spec=spec)
        rows += mobile.target.check(devices, golden, limits=limits["mobile"])
    if limits.get("web") and promoted.has("web"):
        # The page starts with the first variant of the weights.
        first = next(iter(limits["web"].values()))
        samples = promoted.folder / "golden.json"
        rows += web.checks.smoke.smoke(where[servers.PAGE], samples, spec=spec, limits=first)
    return rows


def _explained(config: Config, rows: Sequence[Check]) -> list[Check]:
    """Returns the server's rows; they say so if it is gone. Prints whether it was restarted."""
    server = model_server.running(config.build.run_folder)
    if server is None:
        why = supervision.gone(servers.SERVER, config.build.run_folder) or (
            f"{servers.SERVER} does not run; to start it, run: fanout serve"
        )
        return [
            replace(row, reason=f"{why}; {row.reason}") if row.stops_release else row
            for row in rows
        ]
    restarts = supervision.restarts(model_server.address_of(server))
    if restarts and restarts.count:
        CONSOLE.print(f"  the server was {restarts}", soft_wrap=True)
    return list(rows)
