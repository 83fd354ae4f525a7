from __future__ import annotations

from typing import Any, Final

from jinja2 import Environment, PackageLoader, select_autoescape

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("miniapp_server.sandbox", "templates"), autoescape=select_autoescape()
)


def render_page(template: str, **facts: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(**facts)
