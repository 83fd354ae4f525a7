from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miniapp_server.cli.command import CommandError
from models.opening_draw import calculation as opening
from models.seasons import calculation as season
from models.seasons import rule_text, verification


def verify_draw(path: Path) -> str:
    """Verifies the draw of an opening or of a season from its file alone; returns a line that says
    so. Raises: CommandError if the draw has faults or is not over, or the file is no draw's."""
    try:
        draw = json.loads(path.read_bytes())
        of_season = draw["format"] == season.FORMAT
        if not draw["secret"]:
            raise CommandError(f"{path}: the draw was not over when the file was made")
        wrong = list(verification.faults(draw) if of_season else opening.faults(draw))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is not the file of a draw: {error}") from error
    if wrong:
        raise CommandError(f"{path}: " + "; ".join(wrong))
    return f"{path}: {_of_season(draw) if of_season else _of_opening(draw)}"


def _of_opening(draw: Mapping[str, Any]) -> str:
    applications = sum(len(one["applications"]) for one in draw["lists"])
    return (
        f"{applications:,} applications in {len(draw['lists'])} rounds were served in the "
        "order of the draw, whose secret was committed to before the opening"
    )


def _of_season(draw: Mapping[str, Any]) -> str:
    first = rule_text.parsed(draw["rule"]).sources["first"].text
    assigned = sum(thing is not None for thing in draw["assignment"])
    return (
        f"{draw['count']:,} applications were drawn by the rule {draw['rule_hash']}, and "
        f"{assigned:,} got one of {len(draw['given']):,}, "
        f"provided that {draw['source']} was {draw['value']}"
        + (f", and that {first} was not published" if draw["which"] == "alternative" else "")
    )
