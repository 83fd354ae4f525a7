from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from notify.wechat.template_fields import FIELD_KINDS, format_value


class TemplateConfigError(ValueError):
    """The templates' configuration is unusable. The error's text names the entry and the reason."""


@dataclass(frozen=True, slots=True)
class TemplateConfig:
    """The configured WeChat template of one kind of message. `fields`: names of facts by the
    template's keys. `page`: opened by a tap, without a leading slash; empty for none.
    `long_term`: accepted once, not used up (长期订阅, for public services)."""

    template_id: str
    page: str
    fields: Mapping[str, str]
    long_term: bool = False


def parse_templates(
    source: str | Mapping[str, Any], facts: Mapping[str, Collection[str]]
) -> Mapping[str, TemplateConfig]:
    """Returns the configured templates by message name, all of them checked.

    `source`: ``{"LEAVE": {"template_id": "...", "page": "pages/...", "fields": {"thing1": "seat"},
    "type": "long"}}``, as JSON text or decoded; `type` is ``once`` by default. Messages left out
    are not sent by WeChat. `facts`: the fact names that each message may use. Raises:
    TemplateConfigError.
    """
    read: object = source
    if isinstance(source, str):
        try:
            read = json.loads(source)
        except ValueError as error:
            raise TemplateConfigError(f"templates: must be JSON ({error})") from None
    if not isinstance(read, Mapping):
        raise TemplateConfigError("templates: must be a JSON object")
    templates: dict[str, TemplateConfig] = {}
    owners: dict[str, str] = {}
    for name, entry in read.items():
        if name not in facts:
            raise TemplateConfigError(f"templates: there is no message {name!r}")
        config = _template(name, entry, facts[name])
        if (other := owners.setdefault(config.template_id, name)) != name:
            raise TemplateConfigError(f"templates: {name} has the same template_id as {other}")
        templates[name] = config
    return templates


def _template(name: str, entry: object, facts: Collection[str]) -> TemplateConfig:
    def wrong(what: str) -> TemplateConfigError:
        return TemplateConfigError(f"templates: {name}{what}")

    if not isinstance(entry, Mapping):
        raise wrong(" must be a JSON object")
    if unknown := sorted(set(entry) - {"template_id", "page", "fields", "type"}):
        raise wrong(f" has an unknown entry {unknown[0]!r}")
    template_id, page = entry.get("template_id"), entry.get("page", "")
    if not isinstance(template_id, str) or not template_id.strip():
        raise wrong(".template_id is empty")
    if not isinstance(page, str) or page.startswith("/"):
        raise wrong(".page must be a path without a leading slash")
    fields = entry.get("fields")
    if not isinstance(fields, Mapping) or not 1 <= len(fields) <= 5:
        raise wrong(".fields must have 1 to 5 entries")
    for key, fact in fields.items():
        kind = re.fullmatch(r"([a-z_]+)[0-9]+", key)
        if kind is None or kind[1] not in FIELD_KINDS:
            raise wrong(f".fields.{key}: must be a WeChat field type followed by a number")
        if not isinstance(fact, str) or fact not in facts:
            raise wrong(
                f".fields.{key}: there is no fact {fact!r} (available: {', '.join(sorted(facts))})"
            )
    kind_of_consent = entry.get("type", "once")
    if kind_of_consent not in ("once", "long"):
        raise wrong(".type must be once or long")
    return TemplateConfig(template_id.strip(), page, dict(fields), kind_of_consent == "long")


def format_fields(config: TemplateConfig, facts: Mapping[str, object]) -> dict[str, str]:
    """The template's values from a message's facts, each in the form of its field type."""
    return {
        key: format_value(key.rstrip("0123456789"), facts[name])
        for key, name in config.fields.items()
    }
