"""The vault: values sealed before they are hashed, so that erasing a key breaks no proof.

A data key is random, belongs to one person or to one note, and is kept wrapped under the tenant's key; the tenant's key
is derived from the root key in the settings. A sealed value is bound to its tenant, event, key and path.
"""

import base64
import hashlib
import hmac
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from pydantic import BaseModel
from sqlalchemy import Connection, text

from app.domain.kernel.values import Classification, classification, nested
from app.store.canonical import canonical
from app.store.engine import Database, keyed, keys
from app.store.randomness import random_bytes

ALGORITHM: Final = "A256GCM"
Sealable = tuple[dict[str, Any], str, str, str | None]
"""A member to be sealed: the object that holds it, its name, its path, and the person it is about, or None for a note."""
_SHA256: Final = SHA256()


def hkdf(secret: bytes, info: str) -> bytes:
    """32 bytes derived from a secret for one purpose. Source: RFC 5869 with SHA-256 and no salt."""
    return HKDF(_SHA256, 32, None, info.encode()).derive(secret)


@dataclass(slots=True)
class DataKey:
    """A new data key, wrapped, to be stored with the events that use it.

    shared: whether it is a person's, so that another command may have made one at the same time.
    """

    key_id: str
    wrapped: bytes
    shared: bool = False


class Vault:
    """Seals and opens values. Takes: the root key, 32 bytes."""

    def __init__(self, root_key: bytes) -> None:
        if len(root_key) != 32:
            raise ValueError("the vault's root key must be 32 bytes")
        self._root = root_key
        self._tenant_key = lru_cache(maxsize=4096)(self._derive_tenant_key)
        self._marker = lru_cache(maxsize=4096)(self._keyed_marker)

    def _derive_tenant_key(self, tenant_id: str) -> bytes:
        return hkdf(self._root, f"tenant-key/v1|{tenant_id}")

    def _keyed_marker(self, tenant_id: str) -> hmac.HMAC:
        return hmac.new(hkdf(self._tenant_key(tenant_id), "fingerprint/v1"), digestmod=hashlib.sha256)

    # --- data keys ---

    def new_key(self, tenant_id: str, key_id: str, *, shared: bool = False) -> tuple[bytes, DataKey]:
        """A fresh data key and the form in which it is stored."""
        key = random_bytes(32)
        return key, DataKey(key_id, aes_key_wrap(self._tenant_key(tenant_id), key), shared)

    def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes | None:
        """A stored data key, or None when it was wrapped under another root."""
        try:
            return aes_key_unwrap(self._tenant_key(tenant_id), wrapped)
        except InvalidUnwrap:
            return None

    def find(
        self, connection: Connection, database: Database, tenant_id: str, key_ids: Iterable[str]
    ) -> dict[str, bytes]:
        """The stored data keys by id; an erased one is missing."""
        sql = keyed(database, "data_keys", "key_id", "k.key, f.wrapped")
        rows = connection.execute(text(sql), {"tenant_id": tenant_id, "keys": keys(database, key_ids)})
        opened = {key_id: self.unwrap(tenant_id, bytes(wrapped)) for key_id, wrapped in rows}
        return {key_id: key for key_id, key in opened.items() if key is not None}

    # --- values ---

    def seal(self, key: bytes, value: Any, *, key_id: str, tenant_id: str, event_id: str, path: str) -> dict[str, str]:
        """The envelope of a JSON value."""
        binding = _binding(tenant_id=tenant_id, event_id=event_id, key_id=key_id, path=path)
        return _envelope(_cipher(key), key_id, binding, value)

    def open(self, key: bytes, envelope: Mapping[str, str], *, tenant_id: str, event_id: str, path: str) -> Any:
        """The value in an envelope, or None when it does not belong here."""
        binding = _binding(tenant_id=tenant_id, event_id=event_id, key_id=envelope["key"], path=path)
        try:
            plain = _cipher(key).decrypt(base64.b64decode(envelope["nonce"]), base64.b64decode(envelope["ct"]), binding)
        except (InvalidTag, ValueError):
            return None
        return orjson.loads(plain)

    # --- whole events ---

    def seal_all(
        self, tenant_id: str, event_id: str, sealable: Sequence[Sealable], existing: dict[str, bytes]
    ) -> list[DataKey]:
        """Seals, in place, what is to be sealed of an event.

        Takes: `existing`, the data keys of persons that exist already; the new ones are added to it. Gives: the new keys.
        """
        new_keys: list[DataKey] = []
        ciphers: dict[str, AESGCM] = {}
        for members, name, path, person in sealable:
            key_id = person or event_id
            cipher = ciphers.get(key_id)
            if cipher is None:
                key = existing.get(key_id)
                if key is None:
                    key, stored = self.new_key(tenant_id, key_id, shared=person is not None)
                    existing[key_id] = key
                    new_keys.append(stored)
                cipher = ciphers[key_id] = _cipher(key)
            binding = _binding(tenant_id=tenant_id, event_id=event_id, key_id=key_id, path=path)
            members[name] = _envelope(cipher, key_id, binding, members[name])
        return new_keys

    def seal_note(self, tenant_id: str, event_id: str, note: str) -> tuple[dict[str, str], DataKey]:
        """The reason of a command, sealed under a key of its own."""
        key_id = f"{event_id}.reason"
        key, stored = self.new_key(tenant_id, key_id)
        envelope = self.seal(key, note, key_id=key_id, tenant_id=tenant_id, event_id=event_id, path="meta.reason")
        return envelope, stored

    def reveal(
        self, data_keys: Mapping[str, bytes], tenant_id: str, event_id: str, data: Any, path: str = "data"
    ) -> Any:
        """The same JSON with every envelope opened; what was erased reads null."""
        if isinstance(data, dict):
            if data.get("alg") == ALGORITHM and "ct" in data:
                key = data_keys.get(data["key"])
                return None if key is None else self.open(key, data, tenant_id=tenant_id, event_id=event_id, path=path)
            return {
                name: self.reveal(data_keys, tenant_id, event_id, value, f"{path}.{name}")
                for name, value in data.items()
            }
        if isinstance(data, list):
            return [self.reveal(data_keys, tenant_id, event_id, value, f"{path}.{at}") for at, value in enumerate(data)]
        return data

    # --- other values than events ---

    def mark(self, tenant_id: str, fingerprint: bytes) -> bytes:
        """A fingerprint that only this tenant's key can make: it is stored for ever and must not let anybody guess the content."""
        marker = self._marker(tenant_id).copy()  # hmac.digest would release the interpreter's lock each time
        marker.update(fingerprint)
        return marker.digest()

    def lock(self, tenant_id: str, purpose: str, plain: bytes) -> bytes:
        """Bytes encrypted under the tenant's key, for one named purpose.

        The nonce is derived from the bytes, so that the same bytes are always encrypted alike: the same page of a list has the
        same cursor each time.
        """
        key = hkdf(self._tenant_key(tenant_id), f"lock/v1|{purpose}")
        nonce = hmac.digest(hkdf(key, "lock-nonce/v1"), plain, hashlib.sha256)[:12]
        return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())

    def unlock(self, tenant_id: str, purpose: str, locked: bytes) -> bytes | None:
        """The bytes that `lock` encrypted, or None when that was for another purpose."""
        key = hkdf(self._tenant_key(tenant_id), f"lock/v1|{purpose}")
        try:
            return AESGCM(key).decrypt(locked[:12], locked[12:], purpose.encode())
        except InvalidTag:
            return None


def sealed_keys(data: Any) -> set[str]:
    """The ids of the data keys that open what is sealed in this JSON."""
    if isinstance(data, dict):
        if data.get("alg") == ALGORITHM and "ct" in data:
            return {data["key"]}
        return set().union(*(sealed_keys(value) for value in data.values())) if data else set()
    if isinstance(data, list):
        return set().union(*(sealed_keys(value) for value in data)) if data else set()
    return set()


def sealable(kind: type[BaseModel], data: dict[str, Any], path: str = "data") -> list[Sealable]:
    """The personal and free-text members of an event's data."""
    to_seal: list[Sealable] = []
    for name, members in sensitive(kind).items():
        value = data.get(name)
        if value is None:
            continue
        here = f"{path}.{name}"
        if isinstance(members, Classification):
            person = _person_of(data) if members is Classification.PERSONAL else None
            to_seal.append((data, name, here, person))
        elif isinstance(value, list):
            for at, item in enumerate(value):
                to_seal += sealable(_of(members, item), item, f"{here}.{at}")
        else:
            to_seal += sealable(_of(members, value), value, here)
    return to_seal


def _person_of(data: dict[str, Any]) -> str | None:
    """Whose the personal members of an object are: of somebody at the client, or of a user; None when it is not known."""
    person: str | None = data.get("stakeholder") or data.get("user")
    return person


def _of(models: tuple[type[BaseModel], ...], item: dict[str, Any]) -> type[BaseModel]:
    """The model of an item, among several: the one whose constant members it has."""
    if len(models) > 1:
        for model in models:
            op = model.model_fields.get("op")
            if op is None or op.default == item.get("op"):
                return model
    return models[0]


@lru_cache(maxsize=512)
def sensitive(kind: type[BaseModel]) -> dict[str, Classification | tuple[type[BaseModel], ...]]:
    """Which members of a model are sealed: its own by class, or those of the models nested in it."""
    sealed: dict[str, Classification | tuple[type[BaseModel], ...]] = {}
    for name, field in kind.model_fields.items():
        mark = classification(field)
        if mark in (Classification.PERSONAL, Classification.FREE_TEXT):
            sealed[name] = mark
            continue
        models = tuple(model for model in nested(field) if sensitive(model))
        if models:
            sealed[name] = tuple(nested(field))
    return sealed


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(hkdf(key, "pii-enc/v1"))


def _envelope(cipher: AESGCM, key_id: str, binding: bytes, value: Any) -> dict[str, str]:
    nonce = random_bytes(12)
    ct = cipher.encrypt(nonce, canonical(value), binding)
    return {"alg": ALGORITHM, "key": key_id, "nonce": _b64(nonce), "ct": _b64(ct)}


def _binding(*, tenant_id: str, event_id: str, key_id: str, path: str) -> bytes:
    """What a sealed value is bound to: it opens nowhere else."""
    return canonical({"id": event_id, "key": key_id, "path": path, "tenant": tenant_id})


def _b64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode()
