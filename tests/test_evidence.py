from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from papers import catalog, evidence
from papers.catalog import Claim, Criterion, Paper
from papers.errors import UserError
from papers.evidence import Record, Verdict
from papers.fingerprint import fingerprint

PAPER = """\
key = "lecun1998gradient"
name = "Toy"
tagline = "Small enough to break."

[[claims]]
id = "T1"
statement = "It has seven parameters."
where = "Sec. 2"
source = "arithmetic"
experiment = "train"
scale = "smoke"
reason = "A count is exact."
criteria = [{ metric = "parameters", paper = 7, low = 7, high = 7 }]

[[claims]]
id = "T2"
statement = "The error is low, and lower than that of the other arm."
where = "Fig. 3"
source = "verified"
experiment = "train"
scale = "small"
reason = "The paper's value and twice its standard error."
amended = "The bound was 4.9 until the first run."
criteria = [
  { metric = "error", unit = "%", paper = 4.5, low = 0, high = 5.0, seeds = 3 },
  { metric = "gain", unit = "%", low = 0, seeds = 3 },
]

[[claims]]
id = "T3"
statement = "It reads a million letters a day."
where = "Sec. 9"
source = "second-hand"
out_of_reach = "The letters are private."

[[experiments]]
name = "train"
title = "Training"
what = "Trains."
[experiments.scales]
smoke = { data = [], seeds = 1, duration = "a second", shows = "that it trains", cannot_show = "the error" }
small = { data = [], seeds = 3, duration = "a minute", shows = "the error", cannot_show = "the protocol" }
full = { data = [], seeds = 3, duration = "an hour", shows = "all", cannot_show = "nothing" }
[experiments.settings.rates]
meaning = "learning rates"
where = "Sec. 3"
paper = [0.5, 0.25]
values = { smoke = [0.5, 0.25], small = [0.5, 0.25], full = [0.5, 0.25] }
"""

EXPERIMENTS = """\
from implementations.training.run import experiment


@experiment("train")
def train(run, config):
    return {}
"""

Metrics = Mapping[str, Sequence[object]]

GOOD: Metrics = {"parameters": [7], "error": [4.0, 4.1, 4.2], "gain": [1.0, 1.0, 1.0]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "papers/toy/paper.toml": PAPER,
        "papers/toy/summary.md": "# Toy\n",
        "implementations/toy/experiments.py": EXPERIMENTS,
        "implementations/training/run.py": "def experiment(name): ...\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def paper(project: Path) -> Paper:
    return catalog.load("toy", project / "papers")


def content(metrics: Metrics = GOOD, **changes: object) -> dict[str, object]:
    return {
        "schema": 1,
        "paper": "toy",
        "experiment": "train",
        "scale": "small",
        "seeds": list(range(max((len(values) for values in metrics.values()), default=1))),
        "device": "cpu",
        "created": "2026-11-21T12:00:00+00:00",
        "status": "finished",
        "settings": {"rates": {"value": [0.5, 0.25], "source": "Sec. 3"}},
        "data": [{"name": "digits", "files": {"digits.csv.gz": "0" * 64}, "note": "all"}],
        "code": {"version": "0.1.0", "fingerprint": "f", "files": {"a.py": "1"}},
        "environment": {"python": "3.11.7", "threads": 2, "gpu": None},
        "cost": {"seconds": 1.5, "peak_memory_mb": None},
        "result": {
            "metrics": metrics,
            "curves": {"loss": {"x": "pass", "y": "loss", "series": [{"arm": "a", "seed": 0, "points": [[0, 1.5]]}]}},
            "weights": {"a/0": "0" * 64},
            "notes": {"device": "naïve"},
        },
        **changes,
    }


MakeRecord = Callable[..., Record]


@pytest.fixture
def make(tmp_path: Path) -> MakeRecord:
    def write(name: str = "run/record.json", metrics: Metrics = GOOD, **changes: object) -> Record:
        return evidence.write_record(content(metrics, **changes), tmp_path / name)

    return write


# Files


def test_a_record_is_read_as_it_was_written(tmp_path: Path, make: MakeRecord) -> None:
    written = make()
    path = tmp_path / "run" / "record.json"
    assert evidence.read_record(path) == evidence.read_record(path.parent) == written
    assert written.path == path
    assert written.result.metrics["error"] == (4.0, 4.1, 4.2)
    assert written.result.curves["loss"].series[0].points == ((0, 1.5),)
    assert written.settings["rates"].value == (0.5, 0.25)
    text = path.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert "naïve" in text
    with pytest.raises(dataclasses.FrozenInstanceError):
        written.paper = "x"  # type: ignore[misc]


def test_of_a_folder_of_runs_the_last_is_read(tmp_path: Path, make: MakeRecord) -> None:
    make("runs/20261121-100000/record.json", device="cpu")
    make("runs/20261121-110000/record.json", device="cuda")
    assert evidence.read_record(tmp_path / "runs").device == "cuda"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty/record\.json: the file is missing"):
        evidence.read_record(tmp_path / "empty")


def test_the_checksum_is_what_the_documentation_says(make: MakeRecord) -> None:
    import hashlib

    record = make()
    assert record.path is not None
    table = json.loads(record.path.read_text(encoding="utf-8"))
    checksum = table.pop("checksum")
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert checksum == record.checksum == hashlib.sha256(canonical).hexdigest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("4.1", "4.0"),
        ('"seed": 0', '"seed": 1'),
        ("naïve", "naive"),
        ("2026", "2027"),
        ('"full"', '"x"'),
        ("7\n", "8\n"),
    ],
)
def test_an_edited_record_is_refused_by_name(make: MakeRecord, old: str, new: str) -> None:
    path = make(scale="full").path
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=r"record\.json: the record was changed after it was written"):
        evidence.read_record(path)


def test_layout_and_order_do_not_matter_to_the_checksum(make: MakeRecord) -> None:
    record = make()
    assert record.path is not None
    table = json.loads(record.path.read_text(encoding="utf-8"))
    record.path.write_text(json.dumps(dict(reversed(table.items()))), encoding="utf-8")
    assert evidence.read_record(record.path) == record


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a whole JSON file"),
        ('{"schema": 1,', "not a whole JSON file"),
        ("[]", "must hold one JSON object"),
        ("3", "must hold one JSON object"),
        ("{}", "a record of format None"),
        ('{"schema": 2}', "a record of format 2"),
        ('{"schema": 1}', "its checksum does not fit"),
        ('{"schema": 1, "checksum": 5}', "its checksum does not fit"),
        ('{"schema": 1, "schema": 1}', "the key `schema` is given twice"),
        ('{"schema": 1, "x": NaN}', "NaN is not a number in JSON"),
        ('{"schema": 1, "x": -Infinity}', "-Infinity is not a number in JSON"),
        ('{"schema": 1, "x": 1e999}', "not a valid record"),
        ('{"schema": 1, "x": "\\ud800"}', "not a valid record"),
        ('{"schema": 1, "x": ' + "9" * 5000 + "}", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' * 100_000, "not valid JSON"),
    ],
)
def test_files_that_are_no_records(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lying.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"lying\.json") as caught:
        evidence.read_record(path)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_truncated_record_is_refused_wherever_it_ends(make: MakeRecord) -> None:
    path = make().path
    assert path is not None
    data = path.read_bytes()
    for length in range(0, len(data) - 2, 17):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=r"record\.json"):
            evidence.read_record(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "tiny"}, "scale must be one of"),
        ({"seeds": [0, 0, 1]}, "`seeds` must name at least one seed, and each once"),
        ({"seeds": []}, "`seeds` must name at least one seed"),
        ({"seeds": [0, 1]}, "the metric `error` has 3 values for 2 seeds"),
        ({"seeds": [0, 1.5, 2]}, "seeds[1] must be a whole number"),
        ({"created": "yesterday"}, "`created` must be a time"),
        ({"status": "error"}, "`error` must be given exactly when"),
        ({"error": "why"}, "`error` must be given exactly when"),
        ({"status": "done"}, "status must be one of"),
        ({"metrics": {"error": ["4"]}}, "result.metrics.error[0] must be a number, not text"),
        ({"metrics": {"error": [True]}}, "result.metrics.error[0] must be a number, not true or false"),
        ({"metrics": {"error": [10**400]}}, "result.metrics.error[0] must be a finite number"),
        ({"settings": {"rates": {"value": [None]}}}, "settings.rates.value[0] must be text, a number, true or false"),
        ({"extra": 1}, "unknown key `extra`"),
        ({"code": {"version": "1", "fingerprint": "f"}}, "`files` is missing in code"),
        ({"cost": {"seconds": object()}}, "not JSON serializable"),
        ({"result": {"curves": {"loss": {"x": "a", "y": "b", "series": [{"arm": "a", "seed": 0, "points": [[1]]}]}}}},
         "the curve `loss` has a point that is not a pair"),
    ],
)  # fmt: skip
def test_what_has_not_the_form_of_a_record_is_never_written(
    tmp_path: Path, make: MakeRecord, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        make(**changes)
    assert message in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_every_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        evidence.write_record({"schema": 1}, tmp_path / "x.json")
    assert len(caught.value.problems) == 13


def test_numbers_that_are_not_finite_become_null(make: MakeRecord) -> None:
    record = make(metrics={"error": [math.nan, math.inf, 1.0]})
    assert record.path is not None
    assert evidence.read_record(record.path).result.metrics["error"] == (None, None, 1.0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["fsync", "replace", "mkstemp"])
def test_a_full_disk_loses_nothing(
    tmp_path: Path, make: MakeRecord, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    before = make().path
    assert before is not None
    content_before = before.read_bytes()

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(number, os.strerror(number))

    where = {
        "fsync": "papers.files.os.fsync",
        "replace": "pathlib.Path.replace",
        "mkstemp": "tempfile.mkstemp",
    }
    monkeypatch.setattr(where[call], fail)
    with pytest.raises(UserError, match=f"cannot be written: {os.strerror(number).lower()}; nothing was changed"):
        make(device="cuda")
    assert before.read_bytes() == content_before
    assert [path.name for path in before.parent.iterdir()] == ["record.json"]


def test_a_folder_that_cannot_be_made(tmp_path: Path, make: MakeRecord) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written: file exists"):
        make("file/record.json")


# Statistics


@pytest.mark.parametrize("degrees", [*range(1, 40), 99, 100, 999, 1000])
def test_student_t_is_that_of_scipy(degrees: int) -> None:
    assert evidence.student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12).filter(lambda values: max(values) - min(values) > 1e-3))
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    mean, low, high = evidence.confidence_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert low <= mean <= high
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-7, abs=1e-7)


def test_values_that_are_all_the_same_are_a_point() -> None:
    assert evidence.confidence_interval([0.1, 0.1, 0.1]) == (0.1, 0.1, 0.1)
    assert evidence.confidence_interval([2**60 + 1]) == (2**60 + 1,) * 3
    assert evidence.confidence_interval([1e308, -1e308])[2] == math.inf


# Judging


def criterion(
    metrics: Metrics, *, unit: str = "", low: float | None = None, high: float | None = None, seeds: int = 1
) -> evidence.CriterionResult:
    record = evidence._record({**content(metrics), "checksum": "x"}, Path("record.json"))
    return evidence.judge_criterion(Criterion("error", unit, low=low, high=high, seeds=seeds), record)


@pytest.mark.parametrize(
    ("values", "low", "high", "seeds", "verdict"),
    [
        ([7], 7, 7, 1, Verdict.REPRODUCED),
        ([7.0], 7, 7, 1, Verdict.REPRODUCED),
        ([8], 7, 7, 1, Verdict.NOT_REPRODUCED),
        ([2**53 + 1], 2**53, 2**53, 1, Verdict.NOT_REPRODUCED),
        ([7.0000001], 7, 7, 1, Verdict.NOT_REPRODUCED),
        ([5.0], None, 5.0, 1, Verdict.REPRODUCED),
        ([5.1], None, 5.0, 1, Verdict.NOT_REPRODUCED),
        ([5.0], 5.0, None, 1, Verdict.REPRODUCED),
        ([4.9], 5.0, None, 1, Verdict.NOT_REPRODUCED),
        ([4.0, 4.1, 4.2], 3, 5, 3, Verdict.REPRODUCED),
        ([4.0, 4.1, 4.2], 3, 4.2, 3, Verdict.INCONCLUSIVE),
        ([4.0, 4.1, 4.2], 4.0, 5, 3, Verdict.INCONCLUSIVE),
        ([4.0, 4.1, 4.2], 0, 3, 3, Verdict.NOT_REPRODUCED),
        ([4.0, 4.1, 4.2], 5, 9, 3, Verdict.NOT_REPRODUCED),
        ([4.0, 4.1, 4.2], 4.09, 4.11, 3, Verdict.INCONCLUSIVE),
        ([4.0, 4.1, 4.2], 0, 5, 4, Verdict.INCONCLUSIVE),
        ([9.0], 0, 5, 3, Verdict.INCONCLUSIVE),
        ([4.0, 4.0, 4.0], 0, 4.0, 3, Verdict.REPRODUCED),
        ([4.0, 4.0, 4.0], 0, 3.9, 3, Verdict.NOT_REPRODUCED),
        ([4.0, 4.1, 4.2], None, 5, 1, Verdict.REPRODUCED),
        ([1.0, None, 1.0], 0, 5, 3, Verdict.ERROR),
        ([None], 0, 5, 3, Verdict.ERROR),
    ],
)
def test_the_rule(values: list[object], low: float | None, high: float | None, seeds: int, verdict: Verdict) -> None:
    result = criterion({"error": values}, low=low, high=high, seeds=seeds)
    assert result.verdict == verdict
    assert result.seeds == len(values)


@pytest.mark.parametrize(("low", "high"), [(1, 2), (4, 5), (1, 4)])
def test_an_interval_that_touches_a_bound_from_outside_decides_nothing(low: float, high: float) -> None:
    assert evidence.compare(low, high, Criterion("error", low=2, high=4)) == Verdict.INCONCLUSIVE


def test_reasons_are_sentences_with_the_numbers() -> None:
    def reason(values: Sequence[object]) -> str:
        return criterion({"error": values}, unit="%", low=0, high=5.0, seeds=3).reason

    reasons = [reason(values) for values in ([4, 4.1, 4.2], [4.5, 5.0, 5.4], [4, 4, 4], [4])]
    assert reasons == [
        "error is 4.10 ± 0.25 % (95 % interval, 3 seeds); accepted is 0 to 5 %",
        "error is 5.0 ± 1.1 % (95 % interval, 3 seeds), which reaches across a bound; accepted is 0 to 5 %",
        "error is 4 % (the same for all of 3 seeds); accepted is 0 to 5 %",
        "error is 4 %, but the rule asks for 3 seeds and there is 1",
    ]
    assert reason([1.0, None, 1.0]) == "error is not a finite number for seed 1"
    assert "has no metric `error`; did you mean `eror`?" in criterion({"eror": [1.0]}).reason
    # A number is not rounded to one that it is not.
    assert criterion({"error": [0.9999999]}, low=1.0).reason == "error is 0.9999999; accepted is at least 1"


def test_a_claim_without_a_fitting_record_says_how_to_get_one(paper: Paper, make: MakeRecord) -> None:
    claim = paper.claim("T2")
    for records in ([], [make(scale="smoke")], [make(experiment="other")], [make(paper="other")]):
        result = evidence.judge(claim, records)
        assert (result.verdict, result.record, result.criteria) == (Verdict.INCONCLUSIVE, None, ())
        assert result.reason == "not run yet: papers reproduce toy --experiment train --scale small"


def test_out_of_reach_gives_its_reason(paper: Paper, make: MakeRecord) -> None:
    result = evidence.judge(paper.claim("T3"), [make()])
    assert (result.verdict, result.reason) == (Verdict.OUT_OF_REACH, "The letters are private.")


def test_the_highest_scale_and_then_the_newest_record_judges(paper: Paper, make: MakeRecord) -> None:
    claim = paper.claim("T1")
    old = make(created="2026-11-01T00:00:00+00:00")
    new = make(created="2026-11-02T00:00:00Z", metrics={**GOOD, "parameters": [8]})
    elsewhere = make(created="2026-11-02T00:30:00+02:00")  # earlier than `new`
    smoke = make(created="2026-11-09T00:00:00+00:00", scale="smoke")
    assert evidence.judge(claim, [old, new, elsewhere, smoke]).record is new
    assert evidence.judge(claim, [new, old]).verdict == Verdict.NOT_REPRODUCED
    assert evidence.judge(claim, [smoke]).verdict == Verdict.REPRODUCED
    full = make(created="2026-10-01T00:00:00", scale="full")
    assert evidence.judge(claim, [smoke, new, full]).record is full


def test_a_failed_run_is_an_error_and_never_a_failure_to_reproduce(paper: Paper, make: MakeRecord) -> None:
    failed = make(status="error", error="the loss is not a number", metrics={"error": [99.0]})
    result = evidence.judge(paper.claim("T2"), [failed])
    assert result.verdict == Verdict.ERROR
    assert result.reason == "the run failed: the loss is not a number"


@pytest.mark.parametrize(
    ("metrics", "verdict"),
    [
        (GOOD, Verdict.REPRODUCED),
        ({**GOOD, "gain": [-1.0, -1.0, -1.0]}, Verdict.NOT_REPRODUCED),
        ({**GOOD, "gain": [-1.0, 2.0, 1.0]}, Verdict.INCONCLUSIVE),
        ({**GOOD, "gain": [-1.0, 2.0, 1.0], "error": [9.0, 9.0, 9.0]}, Verdict.NOT_REPRODUCED),
        ({"error": [9.0, 9.0, 9.0]}, Verdict.ERROR),
        ({**GOOD, "gain": [None, 2.0, 1.0], "error": [9.0, 9.0, 9.0]}, Verdict.ERROR),
    ],
)
def test_the_worst_criterion_decides(paper: Paper, make: MakeRecord, metrics: Metrics, verdict: Verdict) -> None:
    result = evidence.judge(paper.claim("T2"), [make(metrics=metrics)])
    assert result.verdict == verdict
    assert len(result.criteria) == 2
    assert result.amended == "The bound was 4.9 until the first run."
    assert result.reason.endswith("(the rule was amended: The bound was 4.9 until the first run.)")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**300), 10**300)),
        min_size=1,
        max_size=4,
    ),
    st.none() | st.floats(-1e3, 1e3),
    st.none() | st.floats(-1e3, 1e3),
    st.integers(1, 4),
)
def test_every_finite_thing_gets_a_verdict(
    values: list[object], low: float | None, high: float | None, seeds: int
) -> None:
    result = criterion({"error": values}, low=low, high=high, seeds=seeds)
    assert result.reason
    assert evidence.format_result(result)
    if len(values) < seeds:
        assert result.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)
    if result.verdict == Verdict.REPRODUCED and low is not None and result.low is not None:
        assert result.low >= low


# Numbers for people


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.95, "%", "0.95 %"),
        (60000, "", "60,000"),
        (340908.0, "connections", "340,908 connections"),
        (-3, "", "−3"),
        (1 / 3, "", "0.33333"),
        (0.1 + 0.2, "s", "0.3 s"),
        (99999.7, "", "100,000"),
        (123456.789, "", "123,457"),
        (0.000012345, "", "1.2345e-05"),
        (0.0, "%", "0 %"),
        (None, "%", "–"),
    ],
)
def test_numbers_are_readable(value: float | None, unit: str, shown: str) -> None:
    assert evidence.format_value(value, unit) == shown


def test_measured_numbers_and_accepted_intervals_are_readable(make: MakeRecord) -> None:
    assert evidence.format_measured((1.0, None), "%") == evidence.format_measured((), "%") == "–"
    assert evidence.format_measured((1.02, 1.0, 0.98), "%") == "1.000 ± 0.050 %"
    assert evidence.format_measured((-1234.0, -1250.0), "") == "−1,242 ± 102"
    assert evidence.result_mean(make(), "error") == pytest.approx(4.1)
    assert evidence.result_mean(make(), "none") is None
    accepted = [Criterion("m", "%", low=low, high=high) for low, high in ((0, 1.5), (1, None), (None, 2), (7, 7))]
    shown = ["0 to 1.5 %", "at least 1 %", "at most 2 %", "exactly 7 %"]
    assert [evidence.format_accepted(rule) for rule in accepted] == shown


# Publishing and verifying


def run(project: Path, **changes: object) -> Path:
    code = fingerprint("toy", "train", project)
    ran = {"version": "0", "fingerprint": code.digest, "files": dict(code.files)}
    path = project / "runs" / "a" / "record.json"
    evidence.write_record({**content(code=ran), **changes}, path)
    return path


def test_publishing_keeps_the_bytes_and_renews_the_table(project: Path, paper: Paper) -> None:
    path = run(project)
    published = evidence.publish(path, "toy", project / "papers")
    assert published == paper.records_directory / "train-small-20261121.json"
    assert published.read_bytes() == path.read_bytes()
    table = json.loads((paper.records_directory / "verdicts.json").read_text(encoding="utf-8"))
    assert {name: row["verdict"] for name, row in table["claims"].items()} == {
        "T1": "reproduced", "T2": "reproduced", "T3": "out of reach",
    }  # fmt: skip
    assert table["claims"]["T2"]["record"] == published.name
    assert table == evidence.verdict_table(paper, evidence.published_records(paper))
    report = evidence.verify(paper)
    assert (report.ok, report.problems, report.stale) == (True, (), ())
    assert [record.path for record in report.records] == [published]


def test_a_second_record_of_the_day_gets_a_number(project: Path, paper: Paper) -> None:
    evidence.publish(run(project), directory=project / "papers")
    second = evidence.publish(run(project, device="cuda").parent, directory=project / "papers")
    assert second.name == "train-small-20261121-2.json"
    assert evidence.verify(paper).ok


def test_artefacts_come_along(project: Path) -> None:
    path = run(project)
    (path.parent / "artefacts").mkdir()
    (path.parent / "artefacts" / "figure.svg").write_text("<svg/>")
    (path.parent / "checkpoint.pt").write_text("large")
    published = evidence.publish(path, directory=project / "papers")
    assert (published.with_suffix("") / "figure.svg").read_text() == "<svg/>"
    assert not list(published.parent.rglob("checkpoint.pt"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "error", "error": "no memory"}, "a failed run is not published: no memory"),
        ({"experiment": "trian"}, "an experiment `trian` that toy does not have; did you mean `train`"),
        ({"settings": {}}, "no setting `rates`"),
        ({"settings": {"rates": {"value": [0.5], "source": ""}}}, "ran with rates = [0.5],"),
        ({"settings": {"rates": {"value": [0.5, 0.25]}, "x": {"value": 1}}}, "a setting `x` that paper.toml does not"),
        ({"paper": "tyo"}, "there is no paper `tyo`; did you mean `toy`"),
    ],
)
def test_what_is_not_fit_to_publish_is_refused(
    project: Path, paper: Paper, changes: dict[str, object], message: str
) -> None:
    path = run(project, **changes)
    with pytest.raises(UserError) as caught:
        evidence.publish(path, directory=project / "papers")
    assert message in str(caught.value)
    assert not paper.records_directory.exists()


def test_publishing_twice_and_under_a_wrong_name_is_refused(project: Path) -> None:
    path = run(project)
    with pytest.raises(UserError, match="one of the paper `toy`, not of `lenet`"):
        evidence.publish(path, "lenet", project / "papers")
    evidence.publish(path, directory=project / "papers")
    with pytest.raises(UserError, match=r"already published as .*train-small-20261121\.json; nothing was changed"):
        evidence.publish(path, directory=project / "papers")


def test_a_publication_that_fails_half_way_leaves_nothing(
    project: Path, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evidence.publish(run(project), directory=project / "papers")
    before = {path: path.read_bytes() for path in paper.records_directory.iterdir()}

    def fail(paper: Paper) -> Path:
        raise UserError("the disk is full")

    path = run(project, device="cuda")
    (path.parent / "artefacts").mkdir()
    monkeypatch.setattr(evidence, "write_verdicts", fail)
    with pytest.raises(UserError, match="the disk is full"):
        evidence.publish(path, directory=project / "papers")
    assert {path: path.read_bytes() for path in paper.records_directory.iterdir()} == before
    assert first in before


def test_verify_without_any_record(paper: Paper) -> None:
    report = evidence.verify(paper)
    assert (report.ok, report.records) == (True, ())
    assert [result.verdict for result in report.results] == ["inconclusive", "inconclusive", "out of reach"]


def test_verify_finds_edited_records(project: Path, paper: Paper) -> None:
    path = evidence.publish(run(project), directory=project / "papers")
    path.write_text(path.read_text(encoding="utf-8").replace("4.1", "1.1"), encoding="utf-8")
    [problem] = evidence.verify(paper).problems
    assert problem.path == path
    assert "was changed after it was written" in problem.message
    with pytest.raises(UserError, match="was changed"):
        evidence.published_records(paper)


def edit_table(paper: Paper, change: Callable[[dict[str, Any]], object]) -> None:
    path = paper.records_directory / "verdicts.json"
    table = json.loads(path.read_text(encoding="utf-8"))
    change(table)
    path.write_text(json.dumps(table), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table["claims"]["T1"].update(verdict="inconclusive"), "it calls T1 inconclusive, but from the"),
        (lambda table: table["claims"]["T2"]["criteria"][0].update(mean=1.0), "its numbers for T2 are not those"),
        (lambda table: table["claims"].pop("T2"), "it calls T2 nothing, but from the records follows: reproduced"),
        (lambda table: table["claims"].update(T9={}), "it speaks of a claim `T9` that there is not"),
        (lambda table: table["claims"].update(T1=3), "it calls T1 nothing"),
        (lambda table: table.update(paper="other"), "it is not what follows from the records"),
        (lambda table: table.pop("claims"), "not a table of verdicts"),
        (lambda table: table.update(claims=[1]), "not a table of verdicts"),
    ],
)
def test_verify_finds_an_edited_table(
    project: Path, paper: Paper, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    evidence.publish(run(project), directory=project / "papers")
    edit_table(paper, change)
    [problem] = evidence.verify(paper).problems
    assert message in problem.message
    assert problem.path == paper.records_directory / "verdicts.json"
    evidence.write_verdicts(paper)
    assert evidence.verify(paper).ok


def test_verify_misses_a_table_that_is_gone_or_cut_off(project: Path, paper: Paper) -> None:
    evidence.publish(run(project), directory=project / "papers")
    table = paper.records_directory / "verdicts.json"
    table.write_text(table.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert "not a table of verdicts" in evidence.verify(paper).problems[0].message
    table.unlink()
    assert "the file is missing" in evidence.verify(paper).problems[0].message


def test_verify_finds_rules_and_settings_that_changed_after_publication(project: Path, paper: Paper) -> None:
    evidence.publish(run(project), directory=project / "papers")
    toml = project / "papers" / "toy" / "paper.toml"
    toml.write_text(toml.read_text().replace("high = 5.0", "high = 3.0").replace("0.25", "0.125"))
    problems = [problem.message for problem in evidence.verify(catalog.load("toy", project / "papers")).problems]
    assert any(
        "the record ran with rates = [0.5, 0.25], where paper.toml has [0.5, 0.125]" in text for text in problems
    )
    assert any("it calls T2 reproduced, but from the records follows: not reproduced" in text for text in problems)


def test_a_record_is_stale_when_its_code_changes(project: Path, paper: Paper) -> None:
    evidence.publish(run(project), directory=project / "papers")
    code = project / "implementations" / "toy" / "experiments.py"
    code.write_text(f'"""Explained."""\n{EXPERIMENTS}')
    assert evidence.verify(paper).stale == ()
    code.write_text(EXPERIMENTS.replace("{}", "{1: 2}"))
    [old] = evidence.verify(paper).stale
    assert old.reason == "the code has changed since: implementations/toy/experiments.py"
    assert evidence.verify(paper).ok
    code.unlink()
    [old] = evidence.verify(paper).stale
    assert "the code that it ran cannot be found" in old.reason


def test_every_published_record_of_this_project_verifies() -> None:
    for slug in catalog.slugs():
        assert evidence.verify(catalog.load(slug)).problems == ()


def test_judging_a_claim_by_hand_needs_no_paper() -> None:
    claim = Claim("X", "s", "w", "verified", out_of_reach="private")
    assert evidence.judge(claim, []).verdict == "out of reach"
