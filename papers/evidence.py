"""Records and claims in, verdicts out: anyone can redo every table of this project, without torch and offline.

A record is the receipt of one finished experiment. A claim says which interval it accepts for which metric. The rules
that lead from the one to the other are in `judge`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal, NoReturn

from papers import catalog
from papers.catalog import SCALES, Claim, Criterion, Paper, ScaleName, same_value
from papers.errors import Problem, UserError
from papers.files import read_text, reason, write_whole
from papers.schema import GIVEN, Number, Value, as_text, did_you_mean, fields_of, is_finite

SCHEMA = 1
VERDICTS_FILE = "verdicts.json"
ARTEFACTS_FOLDER = "artefacts"


class Verdict(StrEnum):
    """What a record says about a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    OUT_OF_REACH = "out of reach"


@dataclass(frozen=True)
class SettingValue:
    """A value that an experiment ran with.

    Attributes:
        value: The value.
        source: Its place in the paper, or `departure: id`, or `question: id`.
    """

    value: Value
    source: str = ""


@dataclass(frozen=True)
class DataUse:
    """A data set that an experiment read.

    Attributes:
        name: Its name.
        files: SHA-256 of each of its files, by name.
        note: What else there is to say, such as the split.
    """

    name: str
    files: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True)
class Code:
    """The code that ran.

    Attributes:
        version: The version of this project.
        fingerprint: The digest of all files.
        files: SHA-256 of what counts of each file, by path.
    """

    version: str
    fingerprint: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Series:
    """One line of a curve.

    Attributes:
        arm: What it belongs to.
        seed: The seed of the run; None for a line that is not one seed's.
        points: Pairs of x and y; None where there is no number.
    """

    arm: str
    seed: int | None
    points: tuple[tuple[Number | None, ...], ...]


@dataclass(frozen=True)
class Curve:
    """A figure as data.

    Attributes:
        x: The name of the x axis.
        y: The name of the y axis.
        series: Its lines.
    """

    x: str
    y: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Result:
    """What came out of a run; nothing here depends on time or on the load of the machine.

    Attributes:
        metrics: The values of each metric, one a seed, or a single one where nothing is random; None where a value was
            not a finite number.
        curves: The figures, by name.
        weights: SHA-256 of the trained parameters, by arm and seed.
        notes: What else there is to say, by name.
    """

    metrics: Mapping[str, tuple[Number | None, ...]] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """The receipt of one finished experiment.

    Attributes:
        schema: The version of the format.
        paper: The paper's slug.
        experiment: The experiment.
        scale: The scale it ran at.
        seeds: The seeds, in the order of the metrics' values.
        device: What it ran on.
        created: When, as ISO 8601 in UTC.
        status: Whether it came to its end.
        settings: What it ran with, by name.
        data: What it read.
        code: The code that ran.
        environment: The versions and the machine, by name.
        cost: Seconds and memory, by name.
        result: What came out.
        checksum: SHA-256 over all the rest.
        error: Why it failed, in one sentence; None if it did not.
        path: The file it was read from.
    """

    schema: int
    paper: str
    experiment: str
    scale: ScaleName
    seeds: tuple[int, ...]
    device: str
    created: str
    status: Literal["finished", "error"]
    settings: Mapping[str, SettingValue]
    data: tuple[DataUse, ...]
    code: Code
    environment: Mapping[str, Value | None]
    cost: Mapping[str, Number | None]
    result: Result
    checksum: str
    error: str | None = None
    path: Path | None = field(default=None, metadata=GIVEN, compare=False)

    @property
    def moment(self) -> datetime:
        """When it was made."""
        moment = datetime.fromisoformat(self.created)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def name(self) -> str:
        """The name of its file, or what it is a record of."""
        return self.path.name if self.path else f"{self.experiment}-{self.scale}"


@dataclass(frozen=True)
class CriterionResult:
    """What a record says about one criterion.

    Attributes:
        criterion: The criterion.
        values: The metric's values, one a seed.
        mean: Their mean; None without values.
        low: The lower end of the 95 % confidence interval of the mean; the value itself if there is but one.
        high: The upper end.
        verdict: What follows.
        reason: Why, in one sentence.
    """

    criterion: Criterion
    values: tuple[Number | None, ...]
    mean: Number | None
    low: Number | None
    high: Number | None
    verdict: Verdict
    reason: str

    @property
    def seeds(self) -> int:
        """How many seeds there are values of."""
        return len(self.values)


@dataclass(frozen=True)
class ClaimResult:
    """What the records say about one claim.

    Attributes:
        claim: The claim.
        verdict: What follows.
        reason: Why, in one sentence.
        criteria: The result of each criterion; empty if there is no record to judge by.
        record: The record that it was judged by.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    criteria: tuple[CriterionResult, ...] = ()
    record: Record | None = None

    @property
    def amended(self) -> str:
        """What was changed in the rule after a run; "" if nothing was."""
        return self.claim.amended


# Records as files


def read_record(path: Path) -> Record:
    """Read a record and hold it against its format and its checksum.

    Args:
        path: The file; or the folder of a run, in which it is called `record.json`; or a folder of such folders, of
            which the last by name is taken.

    Raises:
        UserError: If the file is not a record, is damaged, or was changed after it was written.
    """
    if path.is_dir():
        runs, own = sorted(path.glob("*/record.json")), path / "record.json"
        path = own if own.exists() or not runs else runs[-1]
    text = read_text(path)
    try:
        table = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        raise UserError(
            Problem(f"not a whole JSON file ({error.msg.lower()}); it may have been cut off", path, error.lineno)
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(Problem(f"not valid JSON: {error}", path)) from None
    if not isinstance(table, dict):
        raise UserError(Problem("not a record: the file must hold one JSON object", path))
    if table.get("schema") != SCHEMA:
        raise UserError(
            Problem(f"a record of format {table.get('schema')!r}; this version reads format {SCHEMA} only", path)
        )
    if table.get("checksum") != _checksum(table, path):
        raise UserError(
            Problem("the record was changed after it was written: its checksum does not fit; run it again", path)
        )
    return _record(table, path)


def write_record(record: Mapping[str, object], path: Path) -> Record:
    """Write a record, whole or not at all.

    Args:
        record: Its content as plain data, in the form that `docs/architecture.md` describes; numbers that are not
            finite are written as null. The checksum is worked out here.
        path: The file to write.

    Returns:
        The record, as it would be read again.

    Raises:
        UserError: If the content does not have the form of a record, or the file cannot be written.
    """
    table = {str(key): _plain(value) for key, value in record.items() if key != "checksum"}
    table["checksum"] = _checksum(table, path)
    checked = _record(table, path)
    write_whole(path, _json(table))
    return checked


def published_records(paper: Paper) -> list[Record]:
    """Return the published records of a paper, oldest first.

    Raises:
        UserError: With everything that is wrong in any of them.
    """
    records, problems = _read_published(paper)
    if problems:
        raise UserError(*problems)
    return records


def _read_published(paper: Paper) -> tuple[list[Record], list[Problem]]:
    records: list[Record] = []
    problems: list[Problem] = []
    for path in sorted(paper.records_directory.glob("*.json")):
        if path.name != VERDICTS_FILE and not path.name.startswith("."):
            try:
                records.append(read_record(path))
            except UserError as error:
                problems += error.problems
    return sorted(records, key=lambda record: (record.moment, record.name)), problems


def _record(table: Mapping[str, object], path: Path) -> Record:
    """Turn a parsed record into an object, or say everything that is wrong with it."""
    problems: list[Problem] = []

    def report(_place: str, message: str) -> None:
        problems.append(Problem(f"not a valid record: {message}", path))

    fields: dict[str, Any] = fields_of(Record, table, "", report, {"path": path})
    if not problems:
        record = Record(**fields)
        for message in _contradictions(record):
            report("", message)
    if problems:
        raise UserError(*problems)
    return record


def _contradictions(record: Record) -> Iterator[str]:
    """What cannot be true of a record although each part has the right form."""
    if (record.error is not None) != (record.status == "error"):
        yield "`error` must be given exactly when `status` is `error`"
    if len(set(record.seeds)) < len(record.seeds) or not record.seeds:
        yield "`seeds` must name at least one seed, and each once"
    try:
        datetime.fromisoformat(record.created)
    except ValueError:
        yield f"`created` must be a time as ISO 8601 writes it, not `{record.created}`"
    for name, values in record.result.metrics.items():
        if record.status == "finished" and len(values) not in (1, len(record.seeds)):
            yield f"the metric `{name}` has {len(values)} values for {len(record.seeds)} seeds"
    for name, curve in record.result.curves.items():
        if any(set(map(len, series.points)) - {2} for series in curve.series):
            yield f"the curve `{name}` has a point that is not a pair"


def _checksum(table: Mapping[str, object], path: Path) -> str:
    """Hash everything in a record but its checksum."""
    import hashlib

    rest = {key: value for key, value in table.items() if key != "checksum"}
    try:
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()
    except (ValueError, TypeError, RecursionError) as error:  # not finite, no Unicode, no JSON type
        raise UserError(Problem(f"not a valid record: {error}", path)) from None


def _json(table: object) -> str:
    return json.dumps(table, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: object) -> object:
    """Return a value as JSON knows it, with null for every number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        repeated = next(key for index, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:index]))
        raise ValueError(f"the key `{repeated}` is given twice")
    return table


# From records to verdicts


def judge_paper(paper: Paper, records: Iterable[Record]) -> list[ClaimResult]:
    """Judge all claims of a paper, in its order."""
    records = list(records)
    return [judge(claim, records) for claim in paper.claims]


def judge(claim: Claim, records: Iterable[Record]) -> ClaimResult:
    """Judge a claim by the records there are.

    The record that counts is one of the claim's experiment at its scale or above: the highest scale, and there the
    newest. Each criterion is judged by `judge_criterion`. The claim is `error` if its run failed or did not give
    what a criterion asks for, else `not reproduced` if a criterion is not, else `inconclusive` if one is, else
    `reproduced`.
    """
    if claim.out_of_reach is not None or claim.experiment is None or claim.scale is None:
        return ClaimResult(claim, Verdict.OUT_OF_REACH, claim.out_of_reach or "no experiment tests it")
    record = _judging(claim, records)
    if record is None:
        command = f"papers reproduce {claim.slug} --experiment {claim.experiment} --scale {claim.scale}"
        return ClaimResult(claim, Verdict.INCONCLUSIVE, f"not run yet: {command}")
    if record.status == "error":
        return ClaimResult(claim, Verdict.ERROR, f"the run failed: {record.error}", (), record)
    results = tuple(judge_criterion(criterion, record) for criterion in claim.criteria)
    order = (Verdict.ERROR, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.REPRODUCED)
    verdict = next(verdict for verdict in order if any(result.verdict == verdict for result in results))
    deciding = [result.reason for result in results if result.verdict == verdict]
    why = "; ".join(deciding)
    if verdict == Verdict.REPRODUCED and len(deciding) > 1:
        why = f"all {len(deciding)} criteria hold"
    if claim.amended:
        why += f" (the rule was amended: {claim.amended})"
    return ClaimResult(claim, verdict, why, results, record)


def _judging(claim: Claim, records: Iterable[Record]) -> Record | None:
    """The record that a claim is judged by."""
    least = SCALES.index(claim.scale) if claim.scale else 0
    fitting = [
        record
        for record in records
        if record.paper == claim.slug and record.experiment == claim.experiment and SCALES.index(record.scale) >= least
    ]
    return max(fitting, key=_rank, default=None)


def _rank(record: Record) -> tuple[int, datetime, str]:
    return SCALES.index(record.scale), record.moment, record.name


def judge_criterion(criterion: Criterion, record: Record) -> CriterionResult:
    """Judge one criterion by the values of its metric over the seeds.

    One value is judged itself, and so are several that are all the same. Otherwise it is the 95 % confidence interval
    of their mean, by Student's t: inside the accepted interval it is `reproduced`, outside `not reproduced`, across a
    bound `inconclusive`. Fewer seeds than the rule asks for are `inconclusive` whatever they say.
    """
    name = criterion.metric
    values = record.result.metrics.get(name)
    if not values:
        meant = did_you_mean(name, record.result.metrics)
        return CriterionResult(
            criterion, (), None, None, None, Verdict.ERROR, f"the record {record.name} has no metric `{name}`{meant}"
        )
    numbers = [value for value in values if value is not None and is_finite(value)]
    if len(numbers) < len(values):
        seeds = ", ".join(str(seed) for seed, value in zip(record.seeds, values, strict=False) if value is None)
        return CriterionResult(
            criterion, values, None, None, None, Verdict.ERROR, f"{name} is not a finite number for seed {seeds}"
        )
    mean, low, high = confidence_interval(numbers)
    shown = format_measured(numbers, criterion.unit, (criterion.low, criterion.high, criterion.paper))
    if len(numbers) > 1:
        shown += f" ({'the same for all of' if low == high else '95 % interval,'} {len(numbers)} seeds)"
    if len(numbers) < criterion.seeds:
        verdict = Verdict.INCONCLUSIVE
        why = f"{name} is {shown}, but the rule asks for {criterion.seeds} seeds and there {_are(len(numbers))}"
    else:
        verdict = compare(low, high, criterion)
        across = ", which reaches across a bound" if verdict == Verdict.INCONCLUSIVE else ""
        why = f"{name} is {shown}{across}; accepted is {format_accepted(criterion)}"
    return CriterionResult(criterion, values, mean, low, high, verdict, why)


def compare(low: Number, high: Number, criterion: Criterion) -> Verdict:
    """Hold an interval against the accepted one."""
    least = -math.inf if criterion.low is None else criterion.low
    most = math.inf if criterion.high is None else criterion.high
    if least <= low and high <= most:
        return Verdict.REPRODUCED
    return Verdict.NOT_REPRODUCED if high < least or low > most else Verdict.INCONCLUSIVE


def confidence_interval(values: Sequence[Number]) -> tuple[Number, Number, Number]:
    """Return the mean of some finite values and the ends of its 95 % confidence interval (Student's t).

    Values that are all the same give themselves three times: there is no spread, and the interval is a point. The
    ends are rounded to twelve digits, so that every machine gets the same.
    """
    count = len(values)
    if all(value == values[0] for value in values):
        return values[0], values[0], values[0]
    mean = math.fsum(value / count for value in values)
    spread = math.hypot(*(value - mean for value in values)) / math.sqrt(count - 1)
    margin = student_t(count - 1) * spread / math.sqrt(count)
    return _rounded(mean), _rounded(mean - margin), _rounded(mean + margin)


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


@cache
def student_t(degrees: int) -> float:
    """Return the value that Student's t exceeds in size with a probability of 5 %.

    For a whole number of degrees of freedom the distribution is a finite sum over the angle whose tangent is
    t / sqrt(degrees); the angle is found by halving.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _within_angle(middle, degrees) < 0.95 else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _within_angle(angle: float, degrees: int) -> float:
    """The probability that t is within +-sqrt(degrees) tan(angle)."""
    cosine, odd = math.cos(angle), degrees % 2
    term = cosine if odd else 1.0
    total = term if degrees > 1 else 0.0
    for step in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        total += term
    total *= math.sin(angle)
    return (angle + total) * 2 / math.pi if odd else total


# Numbers for people


def format_value(value: Number | None, unit: str = "", digits: int | None = 5) -> str:
    """Return a number with its unit.

    Args:
        value: The number; None is shown as a dash.
        unit: Its unit; "" for none.
        digits: How many significant digits a fraction gets; None for as many as it has.
    """
    if value is None:
        return "–"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        text = f"{int(value):,}"
    elif digits is None:
        text = repr(value)
    elif 1e-4 <= abs(value) < 1e15:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{places}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{value:.{digits}g}"
    text = text.replace("-", "−", 1) if text.startswith("-") else text
    return f"{text} {unit}".rstrip()


def format_accepted(criterion: Criterion) -> str:
    """Return the accepted interval of a criterion in words."""
    low, high, unit = criterion.low, criterion.high, criterion.unit
    if low is not None and high is not None:
        if low == high:
            return f"exactly {format_value(low, unit, None)}"
        return f"{format_value(low, '', None)} to {format_value(high, unit, None)}"
    if low is not None:
        return f"at least {format_value(low, unit, None)}"
    return f"at most {format_value(high, unit, None)}" if high is not None else "any value"


def format_result(result: CriterionResult) -> str:
    """Return what was measured for a criterion: the mean with its margin and unit, or a dash."""
    criterion = result.criterion
    return format_measured(result.values, criterion.unit, (criterion.low, criterion.high, criterion.paper))


def format_measured(values: Sequence[Number | None], unit: str = "", apart_from: Iterable[Number | None] = ()) -> str:
    """Return the mean of a metric over the seeds with its unit and, if the values differ, its 95 % margin.

    Args:
        values: The values; a dash is returned if there are none or one is not finite.
        unit: Their unit.
        apart_from: Numbers that the mean must not look like unless it is equal to them.
    """
    numbers = [value for value in values if value is not None and is_finite(value)]
    if not numbers or len(numbers) < len(values):
        return "–"
    mean, low, high = confidence_interval(numbers)
    margin = (high - low) / 2
    if margin and is_finite(margin):
        places = min(12, max(0, 1 - math.floor(math.log10(margin))))
        text = f"{mean:,.{places}f} ± {margin:,.{places}f} {unit}".rstrip()
        return text.replace("-", "−", 1) if text.startswith("-") else text
    others = [other for other in apart_from if other is not None and other != mean]
    shown = (format_value(mean, unit, digits) for digits in range(5, 18))
    fallback = format_value(mean, unit, None)
    return next((text for text in shown if text not in {format_value(o, unit, None) for o in others}), fallback)


def result_mean(record: Record, metric: str) -> Number | None:
    """Return the mean of a metric over the seeds of a record; None if it is not there or not finite."""
    values = record.result.metrics.get(metric) or ()
    numbers = [value for value in values if value is not None]
    return confidence_interval(numbers)[0] if numbers and len(numbers) == len(values) else None


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


# Published evidence


def verdict_table(paper: Paper, records: Iterable[Record]) -> dict[str, object]:
    """Return all verdicts of a paper as plain data."""
    return {
        "schema": SCHEMA,
        "paper": paper.slug,
        "claims": {result.claim.id: _claim_row(result) for result in judge_paper(paper, records)},
    }


def _claim_row(result: ClaimResult) -> dict[str, object]:
    return {
        "verdict": str(result.verdict),
        "reason": result.reason,
        "record": result.record.name if result.record else None,
        "criteria": [
            {
                "metric": item.criterion.metric,
                "unit": item.criterion.unit,
                "paper": item.criterion.paper,
                "accepted": [item.criterion.low, item.criterion.high],
                "mean": item.mean,
                "interval": [item.low, item.high],
                "seeds": item.seeds,
                "verdict": str(item.verdict),
                "reason": item.reason,
            }
            for item in result.criteria
        ],
    }


def write_verdicts(paper: Paper) -> Path:
    """Write the table of all verdicts beside a paper's records.

    Returns:
        The file.

    Raises:
        UserError: If a record is wrong or the file cannot be written.
    """
    path = paper.records_directory / VERDICTS_FILE
    write_whole(path, _json(verdict_table(paper, published_records(paper))))
    return path


def stale(record: Record, root: Path | None = None) -> str | None:
    """Return why a record no longer speaks for the code as it is, or None if it does.

    Args:
        record: The record.
        root: The folder that holds `implementations`; by default the one this package stands in.
    """
    from papers.fingerprint import fingerprint

    try:
        now = fingerprint(record.paper, record.experiment, root)
    except UserError as error:
        return f"the code that it ran cannot be found: {error.problems[0]}"
    if now.digest == record.code.fingerprint:
        return None
    before = record.code.files
    changed = sorted(name for name in {*before, *now.files} if before.get(name) != now.files.get(name))
    return f"the code has changed since: {', '.join(changed) or 'its files are the same, their order is not'}"


@dataclass(frozen=True)
class Stale:
    """A record whose code has changed since it ran.

    Attributes:
        record: The record.
        reason: What changed.
    """

    record: Record
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """What a second look at the published evidence of a paper finds.

    Attributes:
        slug: The paper.
        records: The records that can be read, oldest first.
        results: The verdicts that follow from them.
        problems: What is wrong: damaged records, and tables and settings that do not fit them.
        stale: The records whose code has changed; they are still what they say they are.
    """

    slug: str
    records: tuple[Record, ...]
    results: tuple[ClaimResult, ...]
    problems: tuple[Problem, ...]
    stale: tuple[Stale, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that is published follows from the records."""
        return not self.problems


def verify(paper: Paper) -> VerifyReport:
    """Re-read every published record of a paper, derive all verdicts anew and compare them with what is published."""
    records, problems = _read_published(paper)
    damaged = bool(problems)
    for record in records:
        problems += _misfits(paper, record)
    if not damaged:
        problems += _table_problems(paper, records)
    root = paper.directory.parent.parent
    old = [Stale(record, why) for record in records if (why := stale(record, root)) is not None]
    return VerifyReport(paper.slug, tuple(records), tuple(judge_paper(paper, records)), tuple(problems), tuple(old))


def _misfits(paper: Paper, record: Record) -> list[Problem]:
    """Where a record does not fit what the paper's file says about its experiment."""
    found: list[str] = []
    experiment = next((known for known in paper.experiments if known.name == record.experiment), None)
    if record.paper != paper.slug:
        found.append(f"the record is one of the paper `{record.paper}`, not of `{paper.slug}`")
    elif experiment is None:
        meant = did_you_mean(record.experiment, (known.name for known in paper.experiments))
        found.append(f"the record is of an experiment `{record.experiment}` that {paper.slug} does not have{meant}")
    elif record.scale not in experiment.scales:
        found.append(f"the record is of scale {record.scale}, which the experiment {experiment.name} does not have")
    else:
        expected = experiment.values(record.scale)
        for name in sorted({*expected, *record.settings}):
            if name not in record.settings:
                found.append(f"the record has no setting `{name}`, which paper.toml gives for scale {record.scale}")
            elif name not in expected:
                found.append(f"the record has a setting `{name}` that paper.toml does not give for {record.scale}")
            elif not same_value(record.settings[name].value, expected[name]):
                ran, given = as_text(record.settings[name].value), as_text(expected[name])
                found.append(f"the record ran with {name} = {ran}, where paper.toml has {given}")
    return [Problem(message, record.path) for message in found]


def _table_problems(paper: Paper, records: list[Record]) -> list[Problem]:
    """Where the published table of verdicts is not what follows from the records."""
    path = paper.records_directory / VERDICTS_FILE
    if not path.exists() and not records:
        return []
    remedy = f"write it anew with `papers verify {paper.slug} --update`"
    try:
        table = json.loads(read_text(path))
        published = dict(table["claims"])
    except UserError as error:
        return list(error.problems)
    except (ValueError, TypeError, KeyError, RecursionError):
        return [Problem(f"not a table of verdicts; {remedy}", path)]
    derived = verdict_table(paper, records)
    if table == derived:
        return []
    rows: dict[str, Any] = {result.claim.id: _claim_row(result) for result in judge_paper(paper, records)}
    problems = []
    for claim_id in dict.fromkeys([*rows, *published]):
        said, follows = published.get(claim_id), rows.get(claim_id)
        if said == follows:
            continue
        if follows is None:
            what = f"it speaks of a claim `{claim_id}` that there is not"
        elif not isinstance(said, dict) or said.get("verdict") != follows["verdict"]:
            verdict = said.get("verdict") if isinstance(said, dict) else None
            what = f"it calls {claim_id} {verdict or 'nothing'}, but from the records follows: {follows['verdict']}"
        else:
            what = f"its numbers for {claim_id} are not those that follow from the records"
        problems.append(Problem(f"{what}; {remedy}", path))
    return problems or [Problem(f"it is not what follows from the records; {remedy}", path)]


def publish(run: Path, slug: str | None = None, directory: Path | None = None) -> Path:
    """Copy the record of a run into its paper's published records, and renew the table of verdicts.

    Figures and samples that the run left in a folder `artefacts` beside its record come along.

    Args:
        run: The record, or the folder of the run, or the folder of several runs, of which the last is taken.
        slug: The paper that it must be of; whatever the record says by default.
        directory: The folder of the papers; the package's own by default.

    Returns:
        The published record.

    Raises:
        UserError: If it is no whole record of a finished run with this paper's settings, is already published, or
            cannot be written; nothing has then changed.
    """
    import shutil

    record = read_record(run)
    source = record.path or run
    if slug is not None and record.paper != slug:
        raise UserError(Problem(f"the record is one of the paper `{record.paper}`, not of `{slug}`", source))
    paper = catalog.load(record.paper, directory)
    if record.status == "error":
        raise UserError(Problem(f"a failed run is not published: {record.error}", source))
    if misfits := _misfits(paper, record):
        raise UserError(*misfits)
    for published in published_records(paper):
        if published.checksum == record.checksum:
            raise UserError(Problem(f"already published as {published.path}; nothing was changed", source))
    target = _free_name(paper.records_directory, f"{record.experiment}-{record.scale}-{record.moment:%Y%m%d}")
    artefacts = source.parent / ARTEFACTS_FOLDER
    copied = target.with_suffix("")
    try:
        write_whole(target, read_text(source))
        if artefacts.is_dir():
            shutil.copytree(artefacts, copied)
        write_verdicts(paper)
    except (OSError, UserError) as error:
        target.unlink(missing_ok=True)
        shutil.rmtree(copied, ignore_errors=True)
        if isinstance(error, UserError):
            raise
        raise UserError(Problem(f"the run cannot be copied: {reason(error)}; nothing was changed", copied)) from None
    return target


def _free_name(folder: Path, stem: str) -> Path:
    """Return a name for a new record that neither a record nor its folder of artefacts has."""
    number, name = 1, stem
    while (folder / f"{name}.json").exists() or (folder / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return folder / f"{name}.json"
