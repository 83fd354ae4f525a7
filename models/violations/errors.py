"""Why an appeal is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class NothingToAppeal(Conflict):
    """The violation is waived, or the reader has appealed against it already."""

    code = "nothing_to_appeal"
