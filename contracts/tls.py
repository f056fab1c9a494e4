"""TLS as every client uses it, and its failures as sentences that say what to do."""

import ssl
from pathlib import Path

from pydantic import SecretStr

from contracts.errors import ConfigurationError


def client_context(
    ca_file: Path | None,
    certificate: Path | None,
    key: Path | None,
    key_password: SecretStr | None,
    *,
    check_hostname: bool = True,
) -> ssl.SSLContext:
    """TLS 1.2 or newer, the server's certificate verified.

    Args:
        ca_file: whom to trust; the system's authorities if None.
        certificate, key, key_password: what stands for this client, if it is asked.

    Raises:
        ConfigurationError: a file does not hold what it should.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(f"{ca_file} holds no certificates (PEM): {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = check_hostname
    if certificate is not None and key is not None:
        # Never None, or OpenSSL would ask the terminal.
        password = key_password.get_secret_value() if key_password else ""
        try:
            context.load_cert_chain(certificate, key, password)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{certificate} and {key} are no certificate with its key (PEM), or the key's "
                f"password is another: {error}"
            ) from None
    return context


def what_to_do(failure: str, server: str, ca_setting: str) -> str | None:
    """What a failed handshake asks of us, by OpenSSL's words; None if it is not about trust.

    Args:
        failure: the text of the error.
        server: who was asked, such as `Kafka at host:port`.
        ca_setting: the variable that names the authorities.
    """
    for words, advice in _ADVICE.items():
        if words in failure:
            return f"{server} {advice.format(ca=ca_setting)}"
    return None


_UNKNOWN_AUTHORITY = (
    "shows a certificate of an authority that is not trusted here: name the file with its "
    "authority's certificate in {ca}"
)
_OTHER_NAME = (
    "shows a certificate for another host: connect by a name that is in it, or have it issued for "
    "this one"
)
_ADVICE = {
    "certificate has expired": "shows a certificate that has expired: have it renewed",
    "certificate is not yet valid": "shows a certificate that is not valid yet: check both clocks",
    "ostname mismatch": _OTHER_NAME,
    "IP address mismatch": _OTHER_NAME,
    "unable to get local issuer certificate": _UNKNOWN_AUTHORITY,
    "unable to get issuer certificate": _UNKNOWN_AUTHORITY,
    "self-signed certificate": _UNKNOWN_AUTHORITY,
    "self signed certificate": _UNKNOWN_AUTHORITY,
    "certificate verify failed": "shows a certificate that cannot be verified against {ca}",
    "WRONG_VERSION_NUMBER": "does not speak TLS on that port: check the port and the protocol",
    "certificate required": "wants a client certificate: set the certificate and its key",
    "alert bad certificate": "refuses our client certificate: have one issued that it trusts",
    "alert unknown ca": "refuses our client certificate: have one issued that it trusts",
    "alert certificate": "refuses our client certificate: have one issued that it trusts",
}
