"""A report of the last thirty days, for a notice board: how full each area was, and when.

    SEATS_URL=https://seats.example.edu SEATS_TOKEN=seats_… python3 report.py

It needs an API token with the scope ``statistics:read``, which an administrator makes under
API 令牌, and nothing but Python: copy it, and change the last lines to what you want to show.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from typing import Any


def read(url: str, token: str) -> dict[str, Any]:
    """The days that the service has counted, area by area."""
    request = urllib.request.Request(
        f"{url}/api/v1/staff/statistics",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def lines(found: dict[str, Any]) -> list[str]:
    """One line an area, by venue, the fullest of a venue first."""
    areas: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for day in found["days"]:
        areas[day["area_id"]].append(day)
    venues = list(dict.fromkeys(day["venue"] for day in found["days"]))
    rows = []
    for days in areas.values():
        open_minutes = sum(day["open_minutes"] for day in days)
        used = sum(day["used_minutes"] for day in days)
        by_hour = [
            sum(hours) for hours in zip(*(d["used_minutes_by_hour"] for d in days), strict=True)
        ]
        busiest = max(range(24), key=by_hour.__getitem__)
        share = used / open_minutes if open_minutes else 0.0
        booked = sum(day["booked"] for day in days)
        venue, area = days[0]["venue"], days[0]["area"]
        line = f"{venue}\t{area}\t{share:.0%}\t{busiest:02}:00\t{booked}"
        rows.append((venues.index(venue), -share, line))
    return [line for *_, line in sorted(rows)]


def main() -> int:
    url, token = os.environ.get("SEATS_URL", ""), os.environ.get("SEATS_TOKEN", "")
    if not url or not token:
        print("set SEATS_URL and SEATS_TOKEN", file=sys.stderr)
        return 2
    try:
        found = read(url.rstrip("/"), token)
    except urllib.error.HTTPError as error:
        print(f"the service says {error.code}: {error.read().decode()}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"the service does not answer: {error}", file=sys.stderr)
        return 1
    print(f"{found['from']} – {found['to']}")
    print("venue\tarea\tfull\tbusiest\tbooked")
    print("\n".join(lines(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
