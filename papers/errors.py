"""What a user can get wrong, said in one sentence with the place and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        message: One sentence that says what is wrong and, where it is not obvious, what to do.
        path: The file it stands in, if it stands in one.
        line: The line, counted from 1.
    """

    message: str
    path: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return `path:line: message`, with what is known of it."""
        place = ":".join(str(part) for part in (self.path, self.line) if part is not None)
        return f"{place}: {self.message}" if place else self.message


class UserError(Exception):
    """A mistake that the user can mend; the command prints it and exits with status 2.

    Attributes:
        problems: Everything found wrong, so that one correction round is enough.
    """

    def __init__(self, *problems: Problem | str) -> None:
        """Collect the problems; a bare string becomes a problem without a place."""
        self.problems = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))
