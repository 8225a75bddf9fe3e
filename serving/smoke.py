"""Asks a deployed server for a release's examples, over REST and gRPC."""

from core.agreement.checks import FAILED, Check
from core.agreement.golden import Golden
from models.spec import Limits
from serving.target import TARGET, VARIANT, check_transport


def smoke(
    addresses: dict[str, str],
    model: str,
    golden: Golden,
    *,
    limits: Limits,
    runs_in: str = "",
    label: str | None = None,
) -> list[Check]:
    """Returns one row an address; a server that does not answer is a failed row.

    Args:
        addresses: the client's URL by the transport's name, such as
            ``{"REST": "http://127.0.0.1:8501", "gRPC": "grpc://127.0.0.1:8500"}``.
        model: the model's name.
        golden: the examples.
        limits: of their answers.
        runs_in: what the server runs in, for the rows.
        label: of the version to ask; the latest when None.
    """
    where = f" ({runs_in})" if runs_in else ""
    return [
        check_transport(
            *(url, model, golden, limits),
            Check(TARGET, VARIANT, f"{name} at {url}{where}", FAILED),
            label=label,
        )
        for name, url in addresses.items()
    ]
