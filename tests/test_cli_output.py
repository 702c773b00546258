"""How the command prints: tables that fit, JSON that parses anywhere, progress that can be read in a log."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import progress
from cli.output import fit, print_json, table_lines, wrap_text
from cli.progress import ProgressLine, duration


@dataclass(frozen=True)
class Thing:
    path: Path
    values: tuple[float, ...]


def test_columns_are_aligned_where_all_fits() -> None:
    lines = table_lines(["claim", "paper"], [["L1", "60000"], ["L10", "0.8 %"]], 80)
    assert [line for line in lines if not set(line) <= {"-"}][1:] == ["L1     60000", "L10    0.8 %"]


def test_the_wide_column_wraps_and_the_narrow_ones_stay_whole() -> None:
    lines = table_lines(["claim", "reason"], [["L6", "word " * 40]], 60)
    assert all(len(line) <= 60 for line in lines)
    assert lines[2].startswith("L6     word")
    assert lines[3].startswith("       word")


def test_a_long_word_is_never_torn() -> None:
    address = "https://example.org/" + "x" * 100
    assert any(address in line for line in table_lines(["a", "b"], [["1", f"see {address}"]], 60))


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 200)), min_size=1, max_size=6), st.integers(10, 200))
def test_columns_never_take_more_than_there_is(columns: list[tuple[int, int]], available: int) -> None:
    least = [word for word, _ in columns]
    natural = [word + more for word, more in columns]
    widths = fit(natural, least, available)
    assert all(low <= width <= full for low, width, full in zip(least, widths, natural, strict=True))
    assert sum(widths) <= max(available, sum(least))
    if sum(natural) <= available:
        assert widths == natural


def test_only_the_widest_columns_are_cut() -> None:
    assert fit([5, 40, 100], [0, 0, 0], 85) == [5, 40, 40]
    assert fit([5, 40, 100], [0, 0, 0], 65) == [5, 30, 30]
    assert fit([5, 40, 100], [0, 38, 0], 65) == [5, 38, 22]


def test_a_number_stays_with_its_unit_and_a_place_with_its_number() -> None:
    assert wrap_text("an error of 0.95 % in Fig. 9", 17) == ["an error of", "0.95 % in Fig. 9"]
    assert wrap_text("an error of 0.95 % in Fig. 9", 15) == ["an error of", "0.95 % in", "Fig. 9"]


def test_json_is_readable_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(Thing(Path("a/b"), (1.5, 2.0)))
    text = capsys.readouterr().out
    assert json.loads(text) == {"path": "a/b", "values": [1.5, 2.0]}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (9.96, "10.0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_a_time_span_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Clock:
    """A clock that the test turns."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hand = Clock()
    monkeypatch.setattr(progress, "time", hand)
    return hand


def run_steps(clock: Clock, *, terminal: bool) -> str:
    """Take 100 steps of one second, forty of which an earlier run has done."""
    stream = io.StringIO()
    line = ProgressLine(stream, terminal=terminal)
    line.start("mnist, seed 0", 100, 40)
    for done in range(41, 101):
        clock.now += 1
        line.advance(done)
    line.finish()
    return stream.getvalue()


def test_a_log_gets_a_plain_line_every_ten_seconds(clock: Clock) -> None:
    lines = run_steps(clock, terminal=False).splitlines()
    assert lines[0] == "mnist, seed 0: 40 of 100 (40%)"
    assert lines[1] == "mnist, seed 0: 50 of 100 (50%), 50 s left"
    assert lines[-1] == "mnist, seed 0: done in 1 min 0 s"
    assert len(lines) == 1 + 6 + 1


def test_a_log_has_no_control_characters(clock: Clock) -> None:
    assert not set("\r\x1b") & set(run_steps(clock, terminal=False))


def test_a_terminal_draws_over_one_line(clock: Clock) -> None:
    text = run_steps(clock, terminal=True)
    assert text.count("\n") == 1
    assert "\r\x1b[Kmnist, seed 0: 99 of 100 (99%), 1.0 s left" in text


def test_a_message_stands_on_a_line_of_its_own(clock: Clock) -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, terminal=True)
    line.start("a", 10)
    line.message("loss 0.5")
    line.advance(1)
    assert "loss 0.5\n" in stream.getvalue()
    assert stream.getvalue().endswith("a: 1 of 10 (10%)")


def test_what_follows_an_unfinished_line_stands_below_it(clock: Clock) -> None:
    stream = io.StringIO()
    line = ProgressLine(stream, terminal=True)
    line.start("a", 10)
    line.close()
    line.close()
    assert stream.getvalue() == "\r\x1b[Ka: 0 of 10 (0%)\n"


def test_a_line_that_is_drawn_over_never_wraps(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = io.StringIO()
    ProgressLine(stream, terminal=True).start("a label that is much too long for it", 10)
    assert len(stream.getvalue().removeprefix("\r\x1b[K")) == 29
