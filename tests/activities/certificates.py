"""A certificate authority of a test's own, and servers that it vouches for."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


def write_authority(folder: Path) -> Path:
    """Make an authority in `folder`; return the file of its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Test authority")
    made = _certificate(name, name, key.public_key())
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = made.sign(key, hashes.SHA256())
    (folder / "ca.key").write_bytes(_private(key))
    file = folder / "ca.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    return file


def server_context(folder: Path, names: list[str]) -> tuple[ssl.SSLContext, list[str | None]]:
    """Return a server's context for `names`, and a list of the names it will be asked for."""
    authority = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(authority, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    made = _certificate(_name(names[0]), _name("Test authority"), key.public_key())
    alternatives = x509.SubjectAlternativeName([_alternative(each) for each in names])
    signed = made.add_extension(alternatives, critical=False).sign(authority, hashes.SHA256())
    file = folder / "server.pem"
    file.write_bytes(_private(key) + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    seen: list[str | None] = []
    context.sni_callback = lambda _sock, name, _context: seen.append(name)
    return context, seen


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
