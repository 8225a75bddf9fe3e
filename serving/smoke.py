"""Checks a deployed server with a release's examples, over REST and gRPC."""

from core.agreement.checks import FAILED, Check
from core.agreement.golden import Golden
from models.spec import Limits
from serving.signatures import VARIANT
from serving.target import TARGET, check_transport


def smoke(
    addresses: dict[str, str],
    model: str,
    golden: Golden,
    *,
    limits: Limits,
    runs_in: str = "",
    label: str | None = None,
) -> list[Check]:
    """Returns one row per address; a server that does not answer gives a failed row.

    Args:
        addresses: the URLs for the client by name of transport, such as
            ``{"REST": "http://127.0.0.1:8501", "gRPC": "grpc://127.0.0.1:8500"}``.
        model: the model's name.
        golden: the examples.
        limits: for the answers.
        runs_in: what the server runs in, as shown in the rows.
        label: of the version to query; None for the latest.
    """
    suffix = f" ({runs_in})" if runs_in else ""
    return [
        check_transport(
            *(url, model, golden, limits),
            Check(TARGET, VARIANT, f"{name} at {url}{suffix}", FAILED),
            label=label,
        )
        for name, url in addresses.items()
    ]
