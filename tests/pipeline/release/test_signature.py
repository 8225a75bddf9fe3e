"""Signatures with the tool that users have, with keys and certificates made for these tests."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.errors import GateError, UserError
from pipeline.commands import run
from pipeline.deployment import promotion
from pipeline.deployment.status import status
from pipeline.release import integrity, listing, release, signature
from pipeline.release.assemble import Parts, assemble
from pipeline.release.release import Release
from pipeline.release.signing import sign
from pipeline.release.verify import check_release
from pipeline.settings.config import Config
from pipeline.settings.keys import Trust

PEM = serialization.Encoding.PEM


def write_key(folder: Path, name: str) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.key").write_bytes(private)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)
    return key


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    authority = name == issuer
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        + ("encipher_only", "decipher_only"),
        False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **usage,
            ),
            critical=True,
        )
        .sign(issuer_key, hashes.SHA256())
        .public_bytes(PEM)
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the keys ``ours`` and ``other``, and a certificate for ``ours``."""
    folder = tmp_path_factory.mktemp("keys")
    ours, root = write_key(folder, "ours"), write_key(folder, "root")
    write_key(folder, "other")
    (folder / "root.pem").write_bytes(certificate("root", root, "root", root))
    (folder / "ours.pem").write_bytes(certificate("ours", ours, "root", root))
    return folder


@pytest.fixture
def signing(config: Config, keys: Path) -> Config:
    trust = Trust(signing_key=keys / "ours.key", verifying_key=keys / "ours.pub")
    return replace(config, trust=trust)


def test_what_is_made_is_signed_and_its_signature_is_required(
    signing: Config, parts: Parts
) -> None:
    made = assemble(signing, parts)
    assert made.damage() == []
    promotion.promote(signing, made)
    assert listing.rows(signing)[0].signature == "verified"
    assert status(signing).signature == "verified"


def test_anyone_with_the_public_key_can_verify_without_this_project(
    signing: Config, keys: Path, parts: Parts
) -> None:
    made = assemble(signing, parts)
    program = Path(sys.executable).with_name("model_signing")
    command = [
        *(program, "verify", "key", made.folder, "--signature", made.folder / "model.sig"),
        *("--public_key", keys / "ours.pub"),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "Verification succeeded" in done.stdout
    (made.folder / "web" / "index.html").write_text("other")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_without_keys_nothing_is_signed_and_nothing_required(config: Config, parts: Parts) -> None:
    made = assemble(config, parts)
    assert not made.is_signed
    promotion.promote(config, made)
    assert status(config).signature == "unsigned"


def test_an_unsigned_release_is_refused_until_it_is_signed(
    config: Config, signing: Config, parts: Parts
) -> None:
    made = assemble(config, parts)
    with pytest.raises(GateError, match=r"not signed .*fanout sign 1"):
        promotion.promote(signing, made)
    sign(signing, made)
    assert made.damage() == []
    promotion.promote(signing, made)
    # A release that is signed twice has one valid signature.
    sign(signing, made)
    promotion.promote(signing, made)


def test_a_run_signs_an_existing_release(config: Config, signing: Config, parts: Parts) -> None:
    assemble(config, parts)
    made = run.bring_up_to_date(signing, parts.fingerprint, lambda: pytest.fail("made again"))
    assert made.version == 1 and made.is_signed


def test_the_signature_exposes_a_change_even_if_all_checksums_were_fixed(
    signing: Config, parts: Parts
) -> None:
    made = assemble(signing, parts)
    weights = made.folder / "mobile" / "inner" / "weights"
    weights.write_bytes(b"\0" * 99 + b"\1")
    manifest = made.manifest
    manifest["files"]["mobile/inner/weights"] = integrity.entry(weights)
    (made.folder / "manifest.json").write_text(json.dumps(manifest))
    integrity.write_sums(made.folder, manifest["files"])
    forged = Release.open(made.folder)
    assert forged.damage() == []
    for act in (promotion.promote, check_release):
        with pytest.raises(GateError, match=r"model.sig does not hold: .*mobile/inner/weights"):
            act(signing, forged)
    with pytest.raises(GateError, match=r"manifest.json"):
        promotion.promote(signing, forged)
    said = listing.rows(signing)[0].signature
    assert "does not hold" in said
    assert "Digest(" not in said, "model-signing prints digests otherwise now"


@pytest.mark.parametrize("byte", [b"a", b"'", b'"', b"'\"", b"\\", b")"], ids=repr)
def test_messages_leave_out_digests_whatever_their_bytes_are(byte: bytes) -> None:
    digest = f"Digest(algorithm='sha256', digest_value={(byte * 32)[:32]!r})"
    lines = [f"Hash mismatch for '{name}': Expected '{digest}', Actual '{digest}'" for name in "ab"]
    message = signature._words(ValueError(f"Signature mismatch: {lines}"))
    assert message.count("Hash mismatch for") == 2
    assert "Digest" not in message


@pytest.mark.parametrize("left", [b"", b"{}", b"\xff", None], ids=repr)
def test_a_damaged_signature_is_named(signing: Config, parts: Parts, left: bytes | None) -> None:
    made = assemble(signing, parts)
    if left is None:
        (made.folder / "model.sig").unlink()
    else:
        (made.folder / "model.sig").write_bytes(left)
    with pytest.raises(GateError, match=r"model\.sig"):
        promotion.promote(signing, made)
    sign(signing, made)
    promotion.promote(signing, made)


def test_any_byte_of_the_signature_counts(signing: Config, parts: Parts) -> None:
    made = assemble(signing, parts)
    file = made.folder / "model.sig"
    content = file.read_bytes()
    for at in range(0, len(content), 211):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(GateError, match=r"model\.sig"):
            promotion.promote(signing, made)


def test_the_key_of_another_does_not_count(signing: Config, keys: Path, parts: Parts) -> None:
    made = assemble(signing, parts)
    other = replace(signing, trust=Trust(verifying_key=keys / "other.pub"))
    with pytest.raises(GateError, match=r"model.sig does not hold: Key mismatch"):
        promotion.promote(other, made)
    assert any("does not hold" in words for words in status(other).problems) is False
    promotion.promote(signing, made)
    assert any("does not hold" in words for words in status(other).problems)


def test_a_certificate_leads_to_the_authority(config: Config, keys: Path, parts: Parts) -> None:
    trust = Trust(
        signing_key=keys / "ours.key",
        signing_certificate=keys / "ours.pem",
        verifying_certificates=(keys / "root.pem",),
    )
    by_certificate = replace(config, trust=trust)
    made = assemble(by_certificate, parts)
    promotion.promote(by_certificate, made)
    stranger = write_key(keys, "stranger")
    (keys / "stranger.pem").write_bytes(certificate("stranger", stranger, "stranger", stranger))
    other = replace(config, trust=Trust(verifying_certificates=(keys / "stranger.pem",)))
    with pytest.raises(GateError, match=r"model.sig does not hold"):
        promotion.promote(other, made)


def test_invalid_keys_are_reported(
    config: Config, parts: Parts, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_key = replace(config, trust=Trust(signing_key=keys / "ours.pub"))
    with pytest.raises(UserError, match=r"cannot sign with .*ours.pub: "):
        assemble(no_key, parts)
    assert release.versions(config.build) == []
    monkeypatch.setenv("FANOUT_SIGNING_KEY", str(keys / "absent"))
    with pytest.raises(UserError, match=r"FANOUT_SIGNING_KEY must name a PEM file, got .*absent"):
        Config.from_environment("fashion", "quick")
    monkeypatch.setenv("FANOUT_SIGNING_KEY", str(keys / "ours.key"))
    monkeypatch.setenv("FANOUT_VERIFYING_KEY", str(keys / "ours.pub"))
    assert Config.from_environment("fashion", "quick").trust.signs
    monkeypatch.setenv("FANOUT_VERIFYING_CERTIFICATES", str(keys / "root.pem"))
    with pytest.raises(UserError, match="are both set"):
        Config.from_environment("fashion", "quick")
