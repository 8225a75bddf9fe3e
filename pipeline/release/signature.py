"""Signatures of releases, with OpenSSF's model-signing and a key of the user's.

Off unless configured. With a signing key, what ``fanout run`` makes is signed; with a verifying
key or certificates, no release is promoted, checked or served whose signature does not hold.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import GateError, UserError
from pipeline.release.integrity import SIGNATURE, SUMS

if TYPE_CHECKING:
    from pipeline.release.release import Release

UNSIGNED, SIGNED = "unsigned", "signed, not verified"
_SHOWN = 5


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


def sign(trust: Trust, folder: Path, signature: Path) -> None:
    """Writes the signature of a release: of the names and digests of all its files.

    Raises:
        UserError: the key or a certificate cannot be used.
    """
    from model_signing import signing

    if trust.signing_key is None:
        raise UserError("there is no key to sign with; set FANOUT_SIGNING_KEY to a private key")
    try:
        config = signing.Config()
        if trust.signing_certificate:
            config.use_certificate_signer(
                private_key=trust.signing_key,
                signing_certificate=trust.signing_certificate,
                # An empty chain is refused, and the certificate itself adds nothing to trust.
                certificate_chain=trust.signing_chain or (trust.signing_certificate,),
            )
        else:
            password: Any = trust.password.encode() if trust.password else None
            config.use_elliptic_key_signer(private_key=trust.signing_key, password=password)
    except Exception as error:
        # Each kind of wrong key file has another exception of cryptography's or OpenSSL's.
        used = " and ".join(map(str, filter(None, (trust.signing_key, trust.signing_certificate))))
        raise UserError(f"cannot sign with {used}: {_words(error)}") from error
    config.set_hashing_config(_hashing(folder)).sign(folder, signature)


def problem(trust: Trust, folder: Path) -> str:
    """Returns why a release's signature does not hold; empty when it does or none is asked for."""
    if not trust.verifies:
        return ""
    signature = folder / SIGNATURE
    if not signature.is_file():
        return f"it is not signed ({SIGNATURE} is missing); sign it: fanout sign {folder.name}"
    from model_signing import verifying

    config = verifying.Config()
    try:
        if trust.verifying_key:
            config.use_elliptic_key_verifier(public_key=trust.verifying_key)
        else:
            config.use_certificate_verifier(certificate_chain=trust.verifying_certificates)
    except Exception as error:
        key = trust.verifying_key or trust.verifying_certificates[0]
        return f"cannot verify with {key}: {_words(error)}"
    try:
        config.set_hashing_config(_hashing(folder)).verify(folder, signature)
    except Exception as error:
        # Fails closed: whatever goes wrong here, the signature was not found to hold.
        return f"{SIGNATURE} does not hold: {_words(error)}"
    return ""


def state(trust: Trust, folder: Path) -> str:
    """Returns what a table says of a release's signature."""
    if not (folder / SIGNATURE).is_file():
        return UNSIGNED
    if not trust.verifies:
        return SIGNED
    return problem(trust, folder) or "verified"


def require_sound(trust: Trust, release: "Release", gate: str) -> None:
    """Does nothing for a release that is whole and, where keys are configured, signed by them.

    Raises:
        GateError: it is neither; the message names the files. Nothing of it may be loaded.
    """
    damage = release.damage()
    if damage:
        more = f" and {len(damage) - _SHOWN} more" if len(damage) > _SHOWN else ""
        raise GateError(gate, f"release {release.version}: {'; '.join(damage[:_SHOWN])}{more}")
    reason = problem(trust, release.folder)
    if reason:
        raise GateError(gate, f"release {release.version}: {reason}")


def _hashing(folder: Path) -> Any:
    from model_signing import hashing

    # SHA256SUMS lists the signature, and the signature cannot sign itself.
    own = [folder / SUMS, folder / SIGNATURE]
    return hashing.Config().set_ignored_paths(paths=own, ignore_git_paths=False)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    # model-signing prints both digests of each file as Python bytes.
    return re.sub(r": Expected 'Digest\(.*?\)', Actual 'Digest\(.*?\)'", "", text)


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
