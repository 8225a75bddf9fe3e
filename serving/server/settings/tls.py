"""TLS and mutual TLS for both ports, from an SSLConfig whose PEM texts never touch the disk."""

import os
import ssl
from collections.abc import Sequence

from core.errors import UserError
from serving.server.settings.settings_files import SslConfig


def context(config: SslConfig, *, flag: str, protocols: Sequence[str] = ()) -> ssl.SSLContext:
    """Returns a server's side of TLS 1.2 and 1.3.

    Args:
        config: key, certificate and whom to trust.
        flag: that named the file, for the error.
        protocols: that are offered by ALPN.

    Raises UserError when key and certificate do not belong together or are none.
    """
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.options |= ssl.OP_NO_RENEGOTIATION
    try:
        _load_pair(found, config)
        if config.client_authorities:
            found.load_verify_locations(cadata=config.client_authorities.decode())
        elif config.verify_clients:
            found.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "they are not in PEM form"
        raise UserError(
            f"{flag}: server_key, server_cert or custom_ca is wrong: {reason}"
        ) from error
    if protocols:
        found.set_alpn_protocols(list(protocols))
    found.verify_mode = ssl.CERT_REQUIRED if config.verify_clients else ssl.CERT_NONE
    return found


def _load_pair(found: ssl.SSLContext, config: SslConfig) -> None:
    # Python takes files only; this one lies in memory and has no name.
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(config.certificate.rstrip() + b"\n" + config.key)
        found.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    finally:
        os.close(descriptor)
