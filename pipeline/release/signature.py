"""Signatures of releases, with OpenSSF's model-signing and the user's key.

Off unless configured. With a signing key, ``fanout run`` signs the releases that it makes. With a
verifying key or certificates, a release is only promoted, checked or served if its signature holds.
"""

import re
from pathlib import Path
from typing import Any

from core.errors import UserError
from pipeline.release.integrity import SIGNATURE, SUMS
from pipeline.settings.keys import Trust

UNSIGNED, SIGNED = "unsigned", "signed, not verified"
# If the bytes contain a quotation mark, the quotation marks around them are escaped.
_DIGEST = r"""\\?'Digest\(.*?['"]\)\\?'"""


def sign(trust: Trust, folder: Path, signature: Path) -> None:
    """Writes a release's signature, which covers the names and digests of all its files.

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
        # Each kind of wrong key file raises a different exception of cryptography's or OpenSSL's.
        used = " and ".join(map(str, filter(None, (trust.signing_key, trust.signing_certificate))))
        raise UserError(f"cannot sign with {used}: {_words(error)}") from error
    config.set_hashing_config(_hashing(folder)).sign(folder, signature)


def problem(trust: Trust, folder: Path) -> str:
    """Returns why a release's signature does not hold; empty if it does or none is required."""
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
        # Fails closed: whatever goes wrong here, the signature does not count as valid.
        return f"{SIGNATURE} does not hold: {_words(error)}"
    return ""


def state(trust: Trust, folder: Path) -> str:
    """Returns the state of a release's signature, for a table."""
    if not (folder / SIGNATURE).is_file():
        return UNSIGNED
    if not trust.verifies:
        return SIGNED
    return problem(trust, folder) or "verified"


def _hashing(folder: Path) -> Any:
    from model_signing import hashing

    # SHA256SUMS lists the signature, and the signature cannot sign itself.
    excluded = [folder / SUMS, folder / SIGNATURE]
    return hashing.Config().set_ignored_paths(paths=excluded, ignore_git_paths=False)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    # model-signing prints both digests of each file as Python bytes, in a list of strings.
    return re.sub(f": Expected {_DIGEST}, Actual {_DIGEST}", "", text)
