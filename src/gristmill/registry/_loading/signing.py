"""OpenSSF model signatures: made at registration, checked on the bytes that are loaded.

The signature is a Sigstore bundle over the sha256 of every file, made offline with the registering
actor's P-256 key. It is stored beside the model as `evidence/model.sig`, so `model_signing verify
key` reads it too. The ledger says which key is right: the registration's entry, signed with the
actor's Ed25519 key, names it; where `[roles.keys]` lists P-256 keys of the actor, it must be one of
them.
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gristmill.errors import Forbidden, Invalid
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._ledger.keys import P256, key_path, public_p256

SIGNATURE = "model.sig"
KEY = "model_key"


def sign(model: Path, signature: Path, actor: str) -> str:
    """Sign the model directory with the actor's key into `signature`; returns the public key.

    Raises Unavailable when no key can be kept, Invalid when the actor's is of another kind.
    """
    from model_signing import signing

    key = key_path(actor, P256)
    public = public_p256(key)
    config = signing.Config().use_elliptic_key_signer(private_key=key)
    config.set_hashing_config(_hashing()).sign(model, signature)
    return public


def verify(model: Path, signature: Path, public: str) -> None:
    """Raises Forbidden unless `signature` is that of the directory's bytes by the key `public`."""
    from model_signing import verifying

    with tempfile.NamedTemporaryFile(suffix=".pub") as file:
        file.write(_pem(public))
        file.flush()
        config = verifying.Config().use_elliptic_key_verifier(public_key=Path(file.name))
        try:
            config.set_hashing_config(_hashing()).verify(model, signature)
        except Exception as error:  # the library raises whatever its parts raise on forged input
            raise Forbidden(
                "model.signature",
                f"the signature of {model.name} is not valid: {error or type(error).__name__}",
                hint="Nothing was loaded. `gristmill audit verify` shows what was altered.",
            ) from error


def key_of(entry: Entry, trusted: Mapping[str, Sequence[str]]) -> str:
    """The key that must have signed the model that `entry` registered. Raises Forbidden.

    The entry is sound already: what it says was signed by its actor.
    """
    name = f"{entry.model} version {entry.version}"
    key = entry.detail.get(KEY)
    if not key:
        raise Forbidden(
            "model.unsigned",
            f"{name} was registered without a signature, so it is not loaded.",
            hint=f"Sign it by registering it again: `gristmill model register {entry.model}`.",
        )
    declared = [k for k in trusted.get(entry.actor, ()) if k.startswith(P256)]
    if declared and key not in declared:
        raise Forbidden(
            "model.key",
            f"{name} is signed with {key}, which is not one of {entry.actor}'s keys.",
            hint="Add the key to [roles.keys] if it is genuine.",
        )
    return str(key)


def _hashing() -> Any:
    """Every file counts, also those that git would ignore."""
    from model_signing import hashing

    return hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)


def _pem(public: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        point = base64.b64decode(public.removeprefix(P256), validate=True)
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as error:
        raise Invalid("key.kind", f"{public!r} is not a P-256 public key.") from error
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
