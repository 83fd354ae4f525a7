"""Library profiles."""

from __future__ import annotations

from models.profile.entities import LibraryProfile

PROFILE = LibraryProfile(
    name="示例大学图书馆",
    title="示例大学图书馆座位预约",
    contact=("服务台电话 010-1234",),
    campus_app="示例校园",
    mini_program="示例座位",
    menu="座位",
)
