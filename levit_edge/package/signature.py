"""Detached signatures of packages: Ed25519 (RFC 8032) over the bytes of the zip file, by `cryptography`.

The 64 raw bytes lie in PACKAGE.sig; keys are PEM files as `openssl genpkey -algorithm ed25519` makes them, so that
openssl, Android and iOS can check a signature without anything of ours.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from levit_edge.errors import PackageError
from levit_edge.places import unreadable

__all__ = ["SIGNATURE_BYTES", "check_signature", "load_private_key", "load_public_key", "signature_path"]

SIGNATURE_BYTES = 64
MAX_KEY_BYTES = 1 << 16
MAKE_PUBLIC = "`openssl pkey -in KEY -pubout -out PUB` makes one of a private key"
MAKE_PRIVATE = "`openssl genpkey -algorithm ed25519 -out KEY` makes one"


def signature_path(package: Path) -> Path:
    """Where the signature of `package` lies."""
    return package.with_name(package.name + ".sig")


def load_private_key(path: Path) -> Callable[[bytes], bytes]:
    """The function that signs with the key in a PEM file.

    Raises:
        PackageError: it cannot be read, is encrypted, or is not a private Ed25519 key.
    """
    sign: Callable[[bytes], bytes] = _key(path, private=True).sign
    return sign


def load_public_key(path: Path) -> Any:
    """The `Ed25519PublicKey` in a PEM file.

    Raises:
        PackageError: it cannot be read, or is not a public Ed25519 key.
    """
    return _key(path, private=False)


def check_signature(package: Path, data: bytes, key: Path) -> None:
    """Require that `data`, the bytes of `package`, were signed with the private key of `key`.

    Raises:
        PackageError: the signature is missing, not one, or not of these bytes by that key.
    """
    public, path = load_public_key(key), signature_path(package)
    from cryptography.exceptions import InvalidSignature

    try:
        with path.open("rb") as file:
            signature = file.read(SIGNATURE_BYTES + 1)
    except OSError as error:
        raise PackageError(
            f"{package} is not signed: {path} {unreadable(error)}. Get it where the package"
            " is from, or sign it with `levit-edge package --sign`."
        ) from error
    if len(signature) != SIGNATURE_BYTES:
        raise PackageError(f"{path} is not a signature: expected {SIGNATURE_BYTES} bytes of Ed25519.")
    try:
        public.verify(signature, data)
    except InvalidSignature as error:
        raise PackageError(
            f"{package} was not signed with the private key of {key}, or it or its signature was changed since. Do not"
            " use it: get both again from whoever made them, and check that it is their key."
        ) from error


def _key(path: Path, *, private: bool) -> Any:
    """The Ed25519 key in a PEM file; a message says how to make one, from nothing or from what there is."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise PackageError("signatures need cryptography: run `pip install 'levit-edge[sign]'`.") from error
    word, advice = ("private", [MAKE_PRIVATE]) if private else ("public", [MAKE_PRIVATE, MAKE_PUBLIC])
    try:
        with path.open("rb") as file:
            pem = file.read(MAX_KEY_BYTES)
        load_public, load_private = serialization.load_pem_public_key, serialization.load_pem_private_key
        key: object = load_private(pem, None) if private else load_public(pem)
    except OSError as error:
        raise PackageError(f"the key {path} {unreadable(error)}.") from error
    except TypeError as error:
        raise PackageError(
            f"the key {path} is encrypted: decrypt it for signing, `openssl pkey -in {path.name} -out KEY`."
        ) from error
    except Exception as error:  # ValueError, UnsupportedAlgorithm
        brief = (
            str(error).partition("\n")[0].partition(". ")[0][:120]
        )  # what follows are links into cryptography's pages
        raise PackageError(f"{path} is not a {word} key in PEM ({brief}): {advice[-1]}.") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey if private else ed25519.Ed25519PublicKey):
        raise PackageError(f"{path} is not an Ed25519 key: {', and '.join(advice)}.")
    return key
