from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from miniapp_server.settings.loading import VARIABLES
from miniapp_server.settings.sign_on import OIDC_ENDINGS, OIDC_VARIABLE, oidc_provider_of

_OURS: Final = ("WECHAT_", "WECOM_", "CAS_", "CAMPUS_", "OIDC_", "WEBHOOK_")
_OF_OTHERS: Final = re.compile(
    r"PATH|HOME|TZ|LANG|LC_\w+|SSL_CERT_\w+|OPENSSL_\w+|LD_\w+|MALLOC_\w+|PYTHON\w+|UV\w*"
    r"|\w*_proxy|\w*_PROXY"
)
"""Variables of other programs that may also be in a settings file."""
_SHORTEST: Final = 6
_NEAR, _SOMEWHAT_NEAR = 0.85, 0.75


class SettingsFile(ChainMap[str, str]):
    """The variables of a file, which take precedence over those of this process."""

    @property
    def in_file(self) -> frozenset[str]:
        return frozenset(self.maps[0])


def is_known(name: str) -> bool:
    return name in VARIABLES or oidc_provider_of(name) is not None


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Names that look like misspelt variables of this service, each with the most similar variable,
    or an empty text if none is similar.

    A name is returned if it begins with a prefix of the service's variables, is nearly equal to one
    of them, or is in the ``SettingsFile`` and belongs to no other program.
    """
    suggestions = {}
    ours = names.in_file if isinstance(names, SettingsFile) else frozenset[str]()
    for name in sorted(name for name in set(names) if not is_known(name)):
        own = name.startswith(_OURS) or (name in ours and not _OF_OTHERS.fullmatch(name))
        candidates = set(VARIABLES)
        if of_provider := OIDC_VARIABLE.fullmatch(name.upper()):
            candidates |= {f"OIDC_{of_provider[1]}_{end}" for end in OIDC_ENDINGS}
        if own or len(name) >= _SHORTEST:
            cutoff = _SOMEWHAT_NEAR if own else _NEAR
            near = get_close_matches(name.upper(), sorted(candidates), 1, cutoff)
            if own or near:
                suggestions[name] = near[0] if near else ""
    return suggestions


def in_words(name: str, nearest: str) -> str:
    return f"{name} is not a setting of this service" + (
        f": did you mean {nearest}?" if nearest else ""
    )
