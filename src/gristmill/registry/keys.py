"""Ed25519 keys: every ledger entry is signed with its actor's.

A private key is made at an actor's first entry, in `~/.config/gristmill/keys` (GRISTMILL_KEYS names
another directory), readable by its owner only. It never leaves that directory.
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

    path = key_file(actor)
    if not path.exists():
        _create(path)
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


def key_file(actor: str) -> Path:
    """Where the actor's private key lies."""
    named = os.environ.get("GRISTMILL_KEYS")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    directory = Path(named) if named else Path(home) / "gristmill" / "keys"
    safe = re.sub(r"[^A-Za-z0-9@._-]", "_", actor)
    if safe != actor or not actor.strip("."):
        safe += "-" + actor.encode().hex()[:40]
    return directory / f"{safe}.pem"


def _create(path: Path) -> None:
    """Write a new key aside and link it into place: of two at once, the first one stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
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
            f"no key can be kept in {path.parent}: {error}.",
            hint="Name a private, writable directory in GRISTMILL_KEYS.",
        ) from error
