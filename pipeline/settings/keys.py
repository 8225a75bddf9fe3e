"""The user's keys, with which releases are signed and verified, from the environment."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import UserError


@dataclass(frozen=True)
class Trust:
    """The user's keys, all of them files in PEM; without any, nothing is signed or verified.

    Attributes:
        signing_key: a private key on the curve P-256, P-384 or P-521.
        password: of the signing key.
        signing_certificate: of the signing key; its public key is then part of the signature.
        signing_chain: the certificates between that one and a trusted one.
        verifying_key: the public key that signatures must be of.
        verifying_certificates: the trusted ones that signatures must lead to.
    """

    signing_key: Path | None = None
    password: str | None = field(default=None, repr=False)
    signing_certificate: Path | None = None
    signing_chain: tuple[Path, ...] = ()
    verifying_key: Path | None = None
    verifying_certificates: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls) -> "Trust":
        """Returns what ``FANOUT_SIGNING_…`` and ``FANOUT_VERIFYING_…`` say.

        Raises:
            UserError: a file that is named is not there, or two settings exclude each other.
        """
        trust = cls(
            signing_key=_file("FANOUT_SIGNING_KEY"),
            password=os.environ.get("FANOUT_SIGNING_PASSWORD") or None,
            signing_certificate=_file("FANOUT_SIGNING_CERTIFICATE"),
            signing_chain=_files("FANOUT_SIGNING_CHAIN"),
            verifying_key=_file("FANOUT_VERIFYING_KEY"),
            verifying_certificates=_files("FANOUT_VERIFYING_CERTIFICATES"),
        )
        if trust.verifying_key and trust.verifying_certificates:
            raise UserError(
                "FANOUT_VERIFYING_KEY and FANOUT_VERIFYING_CERTIFICATES are both set; "
                "signatures are held to one of them"
            )
        if trust.signing_certificate and not trust.signing_key:
            raise UserError("FANOUT_SIGNING_CERTIFICATE needs FANOUT_SIGNING_KEY, its private key")
        return trust

    @property
    def signs(self) -> bool:
        return self.signing_key is not None

    @property
    def verifies(self) -> bool:
        return bool(self.verifying_key or self.verifying_certificates)


def _file(name: str) -> Path | None:
    files = _files(name)
    if len(files) > 1:
        raise UserError(f"{name} must name one file, got {len(files)}")
    return files[0] if files else None


def _files(name: str) -> tuple[Path, ...]:
    paths = tuple(Path(text) for text in os.environ.get(name, "").split(os.pathsep) if text)
    for path in paths:
        if not path.is_file():
            raise UserError(f"{name} must name a file in PEM, got {path}, which is none")
    return paths
