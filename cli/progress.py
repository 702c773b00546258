"""Progress on the standard error: one line drawn over on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
ERASE = "\r\x1b[K"


class ProgressLine:
    """Says what is running, how far it is and when it will be done.

    Args:
        stream: Where to write; the standard error unless given.
        terminal: Whether a line may be drawn over; asked of the stream unless given.
    """

    def __init__(self, stream: TextIO | None = None, *, terminal: bool | None = None) -> None:
        """Remember the stream; nothing is written before `start`."""
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty() if terminal is None else terminal
        self._interval = REDRAW_SECONDS if self._terminal else LINE_SECONDS
        self._label = ""
        self._total = self._first = self._done = 0
        self._started = self._shown = 0.0
        self._unfinished = False  # whether the cursor stands behind a line that may still be drawn over

    def start(self, label: str, total: int, done: int = 0) -> None:
        """Begin a piece of work of `total` steps, `done` of which an earlier run has done."""
        self._label, self._total, self._first, self._done = label, total, done, done
        self._started = time.monotonic()
        self._show()

    def advance(self, done: int) -> None:
        """Report that `done` steps are done in all."""
        self._done = done
        if time.monotonic() - self._shown >= self._interval:
            self._show()

    def message(self, text: str) -> None:
        """Write a line of its own, above the progress."""
        self._line(text)
        self._shown = 0.0

    def finish(self) -> None:
        """End the piece of work, and say how long it took."""
        elapsed = duration(time.monotonic() - self._started)
        self._line(f"{self._label}: done in {elapsed}")

    def close(self) -> None:
        """Leave the line that is being drawn over as it is, so that what is printed next does not stand behind it."""
        if self._unfinished:
            self._write("\n")
        self._unfinished = False

    def _show(self) -> None:
        """Write where the work stands."""
        self._shown = time.monotonic()
        share = self._done / self._total if self._total else 0.0
        text = f"{self._label}: {self._done} of {self._total} ({share:.0%}){self._remaining()}"
        if self._terminal:
            self._write(ERASE + text[: shutil.get_terminal_size().columns - 1])
            self._unfinished = True
        else:
            self._line(text)

    def _remaining(self) -> str:
        """Return `, 2 min 5 s left` by the pace of this run, or nothing before there is a pace."""
        elapsed = time.monotonic() - self._started
        steps = self._done - self._first
        if steps <= 0 or elapsed < 1:
            return ""
        return f", {duration(elapsed / steps * (self._total - self._done))} left"

    def _line(self, text: str) -> None:
        """Write a line that stays."""
        self._write(f"{ERASE if self._unfinished else ''}{text}\n")
        self._unfinished = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def duration(seconds: float) -> str:
    """Return a time span as people say it: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"
