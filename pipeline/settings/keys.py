"""The user's keys, from the environment. They sign and verify releases."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import UserError


@dataclass(frozen=True)
class Trust:
    """The user's keys, all in PEM files. Without any, nothing is signed or verified.

    Attributes:
        signing_key: a private key on the curve P-256, P-384 or P-521.
        password: the signing key's password.
        signing_certificate: the signing key's certificate; the signature then contains its public
            key.
        signing_chain: the certificates between that one and a trusted one.
        verifying_key: the public key that must verify the signatures.
        verifying_certificates: the trusted certificates that signatures must lead to.
    """

    signing_key: Path | None = None
    password: str | None = field(default=None, repr=False)
    signing_certificate: Path | None = None
    signing_chain: tuple[Path, ...] = ()
    verifying_key: Path | None = None
    verifying_certificates: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls) -> "Trust":
        """Returns the keys that ``FANOUT_SIGNING_…`` and ``FANOUT_VERIFYING_…`` name.

        Raises:
            UserError: a named file does not exist, two settings exclude each other, or a
                certificate comes without its key.
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
                "set only one of them"
            )
        if trust.signing_certificate and not trust.signing_key:
            raise UserError(
                "FANOUT_SIGNING_CERTIFICATE is set without FANOUT_SIGNING_KEY; "
                "set that to the certificate's private key"
            )
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
            raise UserError(f"{name} must name a PEM file, got {path}, which is not a file")
    return paths
