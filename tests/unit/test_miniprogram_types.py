"""The generated texts of the mini-program."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from languages.catalogue import LANGUAGES, read_language
from scripts.miniprogram_types import language_index, translated_texts


def test_a_third_language_is_a_po_file_and_nothing_else(tmp_path: Path) -> None:
    catalogue = Catalog("de")
    catalogue.add("隐私说明", "Datenschutz")
    content, file = BytesIO(), tmp_path / "de.po"
    write_po(content, catalogue)
    file.write_bytes(content.getvalue())
    german = read_language(file)
    index = language_index([*LANGUAGES.values(), german])
    assert 'import { TEXTS as DE } from "./texts_de";' in index
    assert '"de": { name: "Deutsch", texts: DE },' in index
    assert '"en": { name: "English", texts: EN },' in index
    assert 'privacy_page: "Datenschutz",' in translated_texts(german)
