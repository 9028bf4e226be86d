"""Keys and certificates of a control plane. All are elliptic: RSA would take a tenth of the time of small requests."""

import subprocess
from pathlib import Path

SERVICES = "10.96.0.0/16"
"""The addresses of Services; the first is the API server's own, `kubernetes`."""
_FIRST_SERVICE = "10.96.0.1"
_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
_ELLIPTIC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make_key(path: Path) -> Path:
    """Writes a private key that signs tokens, as PEM."""
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path))
    return path


def make_server_certificate(path: Path, *addresses: str) -> Path:
    """Writes a certificate that is its own authority, and its key beside it (`.key`), for a server at `addresses`."""
    names = [*(f"DNS:{name}" for name in _NAMES), *(f"IP:{one}" for one in {*addresses, _FIRST_SERVICE})]
    _make_certificate(
        path, "/CN=kube-apiserver", "subjectAltName=" + ",".join(names), "keyUsage=digitalSignature,keyCertSign"
    )
    return path


def make_client_certificate(path: Path, subject: str) -> None:
    """Writes a certificate that is its own authority, and its key beside it (`.key`), for a client."""
    _make_certificate(path, subject, "extendedKeyUsage=clientAuth")


def _make_certificate(path: Path, subject: str, *extensions: str) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    files = ("-keyout", str(path.with_suffix(".key")), "-out", str(path))
    _openssl("req", "-x509", *_ELLIPTIC, "-days", "3650", "-subj", subject, *added, *files)


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
