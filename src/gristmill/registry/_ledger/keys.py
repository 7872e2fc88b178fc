"""Keys: an actor signs ledger entries with an Ed25519 key and models with a P-256 key.

OpenSSF model signing takes no Ed25519. A private key is made when an actor first needs it, in
`~/.config/gristmill/keys` (GRISTMILL_KEYS names another directory), readable by its owner only. It
never leaves that directory. Public keys are declared in `[roles.keys]`.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "ed25519:"
P256 = "p256:"


@dataclass(frozen=True)
class Signer:
    """An actor's key. `public` is `ed25519:` and the raw public key in base64."""

    actor: str
    public: str
    _key: Ed25519PrivateKey

    def sign(self, text: str) -> str:
        """The signature of the text's UTF-8 bytes, base64."""
        return base64.b64encode(self._key.sign(text.encode())).decode()


def signer(actor: str) -> Signer:
    """The actor's signer; its key is made when there is none. Raises Unavailable, Invalid."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = key_path(actor)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid("key.kind", f"{path} is not an Ed25519 key.")
    raw = key.public_key().public_bytes_raw()
    return Signer(actor, PREFIX + base64.b64encode(raw).decode(), key)


def holds(public: str, text: str, signature: str) -> bool:
    """Whether `signature` is that of `text` by the key `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = base64.b64decode(public.removeprefix(PREFIX), validate=True)
        sealed = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(sealed, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def public_p256(path: Path) -> str:
    """The public half of the P-256 key in `path`: `p256:` and the compressed point in base64."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise Invalid("key.kind", f"{path} is not a P-256 key.")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return P256 + base64.b64encode(point).decode()


def public_keys(actor: str) -> tuple[str, str]:
    """The actor's public keys, for entries and for models; made when there are none."""
    return signer(actor).public, public_p256(key_path(actor, P256))


def key_path(actor: str, kind: str = PREFIX) -> Path:
    """The file of the actor's private key of the kind; made when there is none."""
    path = key_file(actor) if kind == PREFIX else key_file(actor).with_suffix(".model.pem")
    if not path.exists():
        _create(path, kind)
    return path


def key_file(actor: str) -> Path:
    """The file of the actor's private key."""
    override = os.environ.get("GRISTMILL_KEYS")
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    directory = Path(override) if override else Path(config) / "gristmill" / "keys"
    safe = re.sub(r"[^A-Za-z0-9@._-]", "_", actor)
    if safe != actor or not actor.strip("."):
        safe += "-" + actor.encode().hex()[:40]
    return directory / f"{safe}.pem"


def _create(path: Path, kind: str) -> None:
    """Write a new key aside and link it into place: of two at once, the first one stays."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate() if kind == PREFIX else generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
        finally:
            aside.unlink()
    except OSError as error:
        raise Unavailable(
            "key.directory",
            f"{path.parent}: no signing key can be written there: {error}.",
            hint="Set GRISTMILL_KEYS to a private, writable directory.",
        ) from error
