"""TLS and mutual TLS on both ports, with certificates made for the test."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from core.errors import UserError
from serving import embedded
from serving.client import Client, RequestFailed, Tls
from serving.container import health
from serving.embedded import Address
from serving.server.settings import settings_files, tls


def quoted(text: bytes) -> str:
    return '"' + text.decode().replace("\n", "\\n") + '"'


def write_config(file: Path, authority: trustme.CA, *, mutual: bool) -> Path:
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    file.write_text(
        f"server_key: {quoted(certificate.private_key_pem.bytes())}\n"
        f"server_cert: {quoted(certificate.cert_chain_pems[0].bytes())}\n"
        f"custom_ca: {quoted(authority.cert_pem.bytes())}\n"
        f"client_verify: {str(mutual).lower()}\n"
    )
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> trustme.CA:
    found = trustme.CA()
    found.cert_pem.write_to_path(folder / "ca.pem")
    client = found.issue_cert("client@test")
    client.private_key_pem.write_to_path(folder / "key.pem")
    client.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return found


@pytest.fixture(scope="module")
def strict(folder: Path, authority: trustme.CA, half_plus_two: Path) -> Iterator[Address]:
    """A server that asks clients for a certificate on both ports."""
    config = write_config(folder / "mutual.config", authority, mutual=True)
    address = Address(*embedded.free_ports(2))
    command = embedded.command(
        "half",
        half_plus_two,
        address,
        f"--ssl_config_file={config}",
        f"--rest_api_ssl_config_file={config}",
        f"--grpc_socket_path={folder / 'grpc.sock'}",
        embedded.UNSUPERVISED,
    )
    with embedded.started(command) as process:
        mine = Tls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
        with Client(f"https://127.0.0.1:{address.rest_port}", "half", tls=mine) as client:
            while not available(client):
                assert process.poll() is None
                time.sleep(0.1)
        yield address


def available(client: Client) -> bool:
    try:
        return bool(client.status())
    except RequestFailed:
        return False


def urls(address: Address) -> dict[str, str]:
    return {
        "rest": f"https://127.0.0.1:{address.rest_port}",
        "grpc": f"grpcs://127.0.0.1:{address.grpc_port}",
    }


def test_the_health_check_asks_a_socket(
    strict: Address, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_ADDRESS", f"127.0.0.1:{strict.grpc_port}")
    assert health.main() == 1
    monkeypatch.setenv("HEALTH_ADDRESS", f"unix:{folder / 'grpc.sock'}")
    assert health.main() == 0


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_mutual_tls(strict: Address, folder: Path, transport: str) -> None:
    url = urls(strict)[transport]
    mine = Tls(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    with Client(url, "half", tls=mine) as client:
        for _ in range(3):
            assert client.predict([[1.0], [2.0]]).tolist() == [[2.5], [3.0]]
        large = [[1.0]] * 8000  # more than one record of TLS
        assert client.predict(large).tolist() == [[2.5]] * 8000
    for without in (Tls(folder / "ca.pem"), Tls()):
        stranger = Client(url, "half", tls=without, retries=0, timeout=120)
        with stranger, pytest.raises(RequestFailed):
            stranger.predict([[1.0]])


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_plain_requests_are_not_answered(strict: Address, transport: str) -> None:
    url = urls(strict)[transport].replace("s://", "://")
    with Client(url, "half", retries=0, timeout=120) as client, pytest.raises(RequestFailed):
        client.status()


def test_old_protocols_are_refused(strict: Address, folder: Path) -> None:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", strict.rest_port), timeout=120) as connection,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(connection, server_hostname="127.0.0.1")


def test_what_is_wrong_with_a_file(tmp_path: Path, authority: trustme.CA) -> None:
    good = write_config(tmp_path / "good", authority, mutual=False).read_text()
    config = settings_files.ssl_config(tmp_path / "good")
    assert config is not None
    assert "PRIVATE" not in repr(config)
    assert tls.context(config, flag="--f").verify_mode is ssl.CERT_NONE
    bad = tmp_path / "bad"
    for text, message in (
        (
            "server_key: 'key.pem' server_cert: 'cert.pem'",
            "server_key must hold the contents of a PEM",
        ),
        ("server_kye: 'x'", "is not a valid SSLConfig in text form: line 1"),
    ):
        bad.write_text(text)
        with pytest.raises(UserError, match=message):
            settings_files.ssl_config(bad)
    other = write_config(tmp_path / "other", authority, mutual=False).read_text()
    bad.write_text("\n".join([good.splitlines()[0], *other.splitlines()[1:]]))
    config = settings_files.ssl_config(bad)
    assert config is not None
    with pytest.raises(UserError, match="--f: server_key, server_cert or custom_ca is invalid"):
        tls.context(config, flag="--f")


def test_client_options(folder: Path) -> None:
    with pytest.raises(UserError, match="use https://"):
        Client("http://127.0.0.1:1", "m", tls=Tls())
    for scheme in ("https", "grpcs"):
        with pytest.raises(UserError, match="cannot be used"):
            Client(f"{scheme}://127.0.0.1:1", "m", tls=Tls(folder / "none.pem"))
