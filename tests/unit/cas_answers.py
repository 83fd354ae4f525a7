"""Answers of a CAS server to a ticket validation."""

from __future__ import annotations

SERVICE = "https://seats.example.edu/auth/cas?next=/a b"
TICKET = "ST-1-" + "x" * 32


def answer(inside: str) -> bytes:
    return (
        "<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'>"
        f"{inside}</cas:serviceResponse>"
    ).encode()


def success(beside: str, user: str = "21070001") -> bytes:
    return answer(
        f"<cas:authenticationSuccess><cas:user>{user}</cas:user>{beside}"
        "</cas:authenticationSuccess>"
    )


WRAPPED = "<cas:attributes>{}</cas:attributes>"
ELEMENTS = "<cas:cn>王雨桐</cas:cn><cas:ou>信息学部</cas:ou><cas:ou> 计算机 &lt;学院&gt; </cas:ou>"
BOTH = {"cn": ("王雨桐",), "ou": ("信息学部", "计算机 <学院>")}
DECLARED = '<?xml version="1.0" encoding="{}"?>\n'


def written(encoding: str, declared: str, before: str = "") -> bytes:
    head = DECLARED.format(declared) if declared else ""
    return (before + head + success(ELEMENTS).decode()).encode(encoding)
