"""Encryption of a reader's student number and name, with keyed hashes for look-ups."""

from __future__ import annotations

from models.readers.entities import PersonalData
from models.storage.encryption import FieldCipher
from models.storage.mongo import Document


def sealed_number(number: str, sealer: FieldCipher) -> Document:
    return {
        "no": sealer.encrypt(number, "student_no"),
        "no_hashes": sealer.hashes(number, "student_no"),
    }


def sealed_name(name: str, sealer: FieldCipher) -> Document:
    return {"name": sealer.encrypt(name, "name"), "name_hashes": sealer.hashes(name, "name")}


def opened(sealer: FieldCipher, number: str, name: str) -> PersonalData:
    return PersonalData(sealer.decrypt(number, "student_no"), sealer.decrypt(name, "name"))
