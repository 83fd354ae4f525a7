from __future__ import annotations

import pytest

from models.readers.entities import PersonalData, mask_name, mask_student_no, normalise_student_no


@pytest.mark.parametrize(
    ("typed", "number"),
    [("21070001", "21070001"), (" s202612345\n", "S202612345"), ("s20 26", "S20 26")],
)
def test_reader_numbers_are_normalised(typed: str, number: str) -> None:
    assert normalise_student_no(typed) == number
    assert normalise_student_no(number) == number


@pytest.mark.parametrize(
    ("number", "shown"),
    [("21070001", "21****01"), ("S202612345", "S2******45"), ("1234", "****"), ("12345", "12*45")],
)
def test_reader_numbers_are_masked(number: str, shown: str) -> None:
    assert mask_student_no(number) == shown


@pytest.mark.parametrize(("name", "shown"), [("张三", "张*"), ("欧阳修文", "欧*"), ("", "*")])
def test_names_are_masked(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("part", "has"),
    [
        *(("0712", True), ("s2107", True), ("S21071234", True), ("欧阳", True), ("若兰", True)),
        *(("anna", True), ("欧兰", False), ("兰S2", False), ("712 ", False)),
    ],
)
def test_personal_data_is_searched_by_part_of_number_or_name(part: str, has: bool) -> None:
    assert PersonalData("S21071234", "欧阳若兰 Anna").contains(part) is has
