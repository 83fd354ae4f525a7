"""The account's subscribe templates in WeChat, and how they differ from the configured ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wechatpy.exceptions import WeChatClientException

from notify.wechat.client import WeChatClient
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.template_config import TemplateConfig

_KEY: Final = re.compile(r"\{\{\s*([a-z_]+[0-9]+)\.DATA\s*\}\}")
_LONG_TERM: Final = 3
"""WeChat's type number of a long-term template; a one-time template has 2."""


@dataclass(frozen=True, slots=True)
class AccountTemplate:
    """One template of the account. WeChat requires a value for each of its ``keys``."""

    keys: frozenset[str]
    long_term: bool


async def account_templates(transport: WeChatClient) -> Mapping[str, AccountTemplate]:
    """The account's templates by id. Raises: WeChatUnavailable."""
    try:
        answer: Any = await transport.wxa.templates()
        return {
            str(one["priTmplId"]): AccountTemplate(
                frozenset(_KEY.findall(one["content"])), one["type"] == _LONG_TERM
            )
            for one in answer["data"]
        }
    except (WeChatClientException, KeyError, TypeError) as error:
        raise WeChatUnavailable(errcode=getattr(error, "errcode", None)) from error


def difference_of(config: TemplateConfig, account: Mapping[str, AccountTemplate]) -> str:
    """Why WeChat would refuse messages of the configured template; empty if it accepts them."""
    template = account.get(config.template_id)
    if template is None:
        return f"the account has no template {config.template_id}"
    faults = []
    if unknown := sorted(config.fields.keys() - template.keys):
        faults.append(f"the template has no {', '.join(unknown)}")
    if missing := sorted(template.keys - config.fields.keys()):
        faults.append(f"fields lacks {', '.join(missing)}")
    if template.long_term is not config.long_term:
        faults.append(f"type must be {'long' if template.long_term else 'once'}")
    return "; ".join(faults)
