"""TLS and mutual TLS for both ports, from an SSLConfig whose PEM data is never written to disk."""

import os
import ssl
from collections.abc import Sequence

from core.errors import UserError
from serving.server.settings.settings_files import SslConfig


def context(config: SslConfig, *, flag: str, protocols: Sequence[str] = ()) -> ssl.SSLContext:
    """Returns the server-side context for TLS 1.2 and 1.3.

    Args:
        config: key, certificate and trusted CAs.
        flag: the flag that named the file, for the error.
        protocols: the protocols to offer by ALPN.

    Raises UserError when key and certificate do not match or are invalid.
    """
    tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls_context.minimum_version = ssl.TLSVersion.TLSv1_2
    tls_context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        _load_pair(tls_context, config)
        if config.client_authorities:
            tls_context.load_verify_locations(cadata=config.client_authorities.decode())
        elif config.verify_clients:
            tls_context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "they are not in PEM form"
        raise UserError(
            f"{flag}: server_key, server_cert or custom_ca is invalid: {reason}"
        ) from error
    if protocols:
        tls_context.set_alpn_protocols(list(protocols))
    tls_context.verify_mode = ssl.CERT_REQUIRED if config.verify_clients else ssl.CERT_NONE
    return tls_context


def _load_pair(tls_context: ssl.SSLContext, config: SslConfig) -> None:
    # Python accepts only files; this one is in memory and has no name.
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(config.certificate.rstrip() + b"\n" + config.key)
        tls_context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
    finally:
        os.close(descriptor)
