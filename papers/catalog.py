"""What each paper says, as frozen objects: load `paper.toml`, hold it against its own rules, search it.

The dataclasses below are the format: their fields are the keys of `paper.toml`, described in `docs/architecture.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from papers import toml
from papers.errors import Problem, UserError
from papers.files import read_text
from papers.schema import GIVEN, KEY, Number, Value, as_data, as_text, closest, did_you_mean, fields_of

if TYPE_CHECKING:
    from papers.bibliography import Entry

__all__ = [
    "SCALES",
    "Claim",
    "Comparison",
    "Criterion",
    "Departure",
    "Experiment",
    "Match",
    "Paper",
    "Question",
    "Row",
    "Scale",
    "Setting",
    "Symbol",
    "as_data",
    "closest",
    "did_you_mean",
    "load",
    "load_all",
    "papers_directory",
    "search",
    "slugs",
]

Thing = TypeVar("Thing")
ScaleName = Literal["smoke", "small", "full"]
SCALES: tuple[ScaleName, ...] = ("smoke", "small", "full")
"""The scales, from the least to the most."""

SLUG = re.compile(r"[a-z][a-z0-9-]*")
CLAIM_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
EXPERIMENT_NAME = re.compile(r"[a-z][a-z0-9_-]*")
METRIC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_/+-]*")
RESERVED_METRICS = ("paper", "here", "verdict", "accepted")


@dataclass(frozen=True)
class Criterion:
    """One metric and the interval that is accepted for it: `low <= value <= high`.

    Attributes:
        metric: The name under which a record holds the values.
        unit: The unit of the value and the bounds, such as `%`; "" for a pure number.
        paper: The paper's value, if it gives one.
        low: The least accepted value; None for no lower bound.
        high: The greatest accepted value; None for no upper bound.
        seeds: How many seeds the rule asks for.
    """

    metric: str
    unit: str = ""
    paper: Number | None = None
    low: Number | None = None
    high: Number | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Claim:
    """One checkable statement of a paper.

    Attributes:
        id: Its short name, such as `L6`.
        statement: The claim in our words.
        where: Its place in the paper.
        source: How far the paper's figure is known to be what the paper prints.
        reason: Why this acceptance rule; for a claim out of reach it may be left out.
        experiment: The experiment that tests it; None if it is out of reach.
        scale: The least scale whose record may judge it; None if it is out of reach.
        out_of_reach: Why it cannot be tested here; None if it can.
        amended: What was changed in the rule after a run, when and why; "" if nothing was.
        criteria: The rule; for a claim out of reach, what the paper states.
        slug: The paper it belongs to.
    """

    id: str
    statement: str
    where: str
    source: Literal["verified", "arithmetic", "second-hand", "unverified"]
    reason: str = ""
    experiment: str | None = None
    scale: ScaleName | None = None
    out_of_reach: str | None = None
    amended: str = ""
    criteria: tuple[Criterion, ...] = ()
    slug: str = field(default="", metadata=GIVEN)


@dataclass(frozen=True)
class Scale:
    """One size in which an experiment can run.

    Attributes:
        name: `smoke`, `small` or `full`.
        data: The names of the data sets it needs.
        seeds: How many seeds it runs unless told otherwise.
        duration: About how long it takes, and on what.
        shows: What it can show.
        cannot_show: What it cannot.
    """

    name: str = field(metadata=KEY)
    data: tuple[str, ...]
    seeds: int
    duration: str
    shows: str
    cannot_show: str


@dataclass(frozen=True)
class Setting:
    """One value that an experiment is run with, for each scale, and where it comes from.

    A scale for which it has no value does not know the setting.

    Attributes:
        name: The name of the value in the code's configuration.
        meaning: What it sets, with its unit.
        where: Its place in the paper; None where the paper does not speak of it.
        question: The open question that it answers; None where the paper leaves none.
        paper: The paper's value; None if it gives none.
        values: What is used here, by scale.
        departures: The departure that explains a value, by scale.
    """

    name: str = field(metadata=KEY)
    meaning: str
    values: Mapping[str, Value]
    where: str | None = None
    question: str | None = None
    paper: Value | None = None
    departures: Mapping[str, str] = field(default_factory=dict)

    def source(self, scale: str) -> str:
        """Return where the value at a scale comes from, in the words that a record uses."""
        if scale in self.departures:
            return f"departure: {self.departures[scale]}"
        return f"question: {self.question}" if self.question else self.where or ""


@dataclass(frozen=True)
class Experiment:
    """A named run that produces the metrics of one or more claims.

    Attributes:
        name: Its short name, unique within the paper.
        title: Its name for people.
        what: What it does, in one or two sentences.
        scales: The sizes in which it can run, by name.
        settings: What it is run with, by name.
    """

    name: str
    title: str
    what: str
    scales: Mapping[str, Scale]
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def values(self, scale: str) -> dict[str, Value]:
        """Return the settings of one scale, by name."""
        return {name: setting.values[scale] for name, setting in self.settings.items() if scale in setting.values}


@dataclass(frozen=True)
class Departure:
    """A place where the implementation differs from the paper.

    Attributes:
        id: Its short name.
        what: What is done here instead.
        paper: What the paper does.
        where: The place in the paper.
        why: The reason.
        effect: What it may change.
    """

    id: str
    what: str
    paper: str
    where: str
    why: str
    effect: str


@dataclass(frozen=True)
class Question:
    """Something that the paper leaves unsaid.

    Attributes:
        id: Its short name.
        question: What is not known.
        where: The place in the paper that leaves it open.
        assumed: What is assumed here.
        effect: What the assumption may change, or where its effect is measured.
    """

    id: str
    question: str
    where: str
    assumed: str
    effect: str


@dataclass(frozen=True)
class Symbol:
    """A symbol of the paper and its name in the code.

    Attributes:
        symbol: LaTeX, without the dollars.
        meaning: What it stands for.
        code: Where the code has it.
        where: Where the paper introduces it.
    """

    symbol: str
    meaning: str
    code: str
    where: str


@dataclass(frozen=True)
class Row:
    """One aspect in which the versions of a network differ.

    Attributes:
        aspect: What is compared.
        cells: What each version has, by column.
        where: The place in the paper.
        note: Why they differ.
    """

    aspect: str
    cells: Mapping[str, str]
    where: str = ""
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """The paper, this implementation and others, side by side.

    Attributes:
        columns: The versions compared, in order.
        rows: The aspects.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Paper:
    """A paper of the knowledge base.

    Attributes:
        key: Its entry in `references.bib`.
        name: What people call it.
        tagline: What it is about, in one sentence.
        claims: Its claims, in order; at least one.
        tags: What it can be found under.
        builds_on: The citation keys of what it builds on.
        experiments: The experiments that test them.
        departures: Where the implementation differs from it.
        questions: What it leaves unsaid.
        symbols: Its symbols, and their names in the code.
        comparison: It, the implementation and others, side by side.
        slug: The name of its folder.
        directory: Its folder.
        document: Its `paper.toml`, with the lines.
    """

    key: str
    name: str
    tagline: str
    claims: tuple[Claim, ...]
    tags: tuple[str, ...] = ()
    builds_on: tuple[str, ...] = ()
    experiments: tuple[Experiment, ...] = ()
    departures: tuple[Departure, ...] = ()
    questions: tuple[Question, ...] = ()
    symbols: tuple[Symbol, ...] = ()
    comparison: Comparison = Comparison()
    slug: str = field(default="", metadata=GIVEN)
    directory: Path = field(default=Path(), metadata=GIVEN, repr=False)
    document: toml.Document | None = field(default=None, metadata=GIVEN, repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The file that this was read from."""
        return self.directory / "paper.toml"

    @property
    def summary_path(self) -> Path:
        """The page that a person reads."""
        return self.directory / "summary.md"

    @property
    def records_directory(self) -> Path:
        """The folder of the published records; it need not exist."""
        return self.directory / "records"

    @property
    def entry(self) -> Entry | None:
        """The paper's entry in the bibliography; None if there is none (`papers check` says so)."""
        from papers import bibliography

        return bibliography.load().entries.get(self.key)

    @property
    def title(self) -> str:
        """The title, from the bibliography; the paper's name if it has no entry."""
        return self.entry.title if self.entry else self.name

    @property
    def authors(self) -> tuple[str, ...]:
        """The authors, from the bibliography."""
        names = self.entry.authors if self.entry else ()
        return tuple(" ".join(filter(None, (name.given, name.particle, name.family, name.suffix))) for name in names)

    @property
    def year(self) -> int | None:
        """The year, from the bibliography."""
        return int(self.entry.year) if self.entry and self.entry.year.isdecimal() else None

    @property
    def venue(self) -> str:
        """Where it appeared, from the bibliography."""
        return self.entry.venue if self.entry else ""

    def summary(self) -> str:
        """Return the text of the summary, as it is written.

        Raises:
            UserError: If it cannot be read.
        """
        return read_text(self.summary_path)

    def claim(self, claim_id: str) -> Claim:
        """Return one claim.

        Raises:
            UserError: If there is none of this name.
        """
        return _pick({claim.id: claim for claim in self.claims}, claim_id, f"{self.slug} has no claim")

    def experiment(self, name: str) -> Experiment:
        """Return one experiment.

        Raises:
            UserError: If there is none of this name.
        """
        by_name = {experiment.name: experiment for experiment in self.experiments}
        return _pick(by_name, name, f"{self.slug} has no experiment")

    def line(self, place: str) -> int:
        """Return the line of a key in `paper.toml`, such as `claims[3].criteria[0].low`."""
        return self.document.line(place) if self.document else 1


def papers_directory() -> Path:
    """Return the folder that holds one folder for each paper: the one of this package."""
    return Path(__file__).resolve().parent


def slugs(directory: Path | None = None) -> list[str]:
    """Return the names of the papers, sorted.

    Args:
        directory: The folder to look in; the package's own by default.
    """
    return sorted(path.parent.name for path in (directory or papers_directory()).glob("*/paper.toml"))


def load(slug: str, directory: Path | None = None) -> Paper:
    """Read one paper.

    Args:
        slug: The name of its folder.
        directory: The folder to look in; the package's own by default.

    Returns:
        The paper, held against all rules of the format.

    Raises:
        UserError: If there is no such paper, or with everything that is wrong in its files.
    """
    directory = directory or papers_directory()
    known = slugs(directory)
    if slug not in known:
        remedy = did_you_mean(slug, known) or (f"; there is {', '.join(known)}" if known else "; there is none yet")
        raise UserError(f"there is no paper `{slug}`{remedy}")
    document = toml.read(directory / slug / "paper.toml")
    problems: list[Problem] = []

    def report(place: str, message: str) -> None:
        problems.append(Problem(message, document.path, document.line(place)))

    given = {"slug": slug, "directory": document.path.parent, "document": document}
    fields: dict[str, Any] = fields_of(Paper, document.table, "", report, given)
    _Rules(document.table, report).check()
    if not (document.path.parent / "summary.md").is_file():
        problems.append(
            Problem("the file is missing: every paper has a page to read", document.path.parent / "summary.md")
        )
    if problems:
        raise UserError(*sorted(set(problems), key=lambda problem: (str(problem.path), problem.line or 0)))
    return Paper(**fields)


def load_all(directory: Path | None = None) -> list[Paper]:
    """Read all papers, sorted by slug.

    Args:
        directory: The folder to look in; the package's own by default.

    Raises:
        UserError: With everything that is wrong in any of them.
    """
    papers: list[Paper] = []
    problems: list[Problem] = []
    for slug in slugs(directory):
        try:
            papers.append(load(slug, directory))
        except UserError as error:
            problems.extend(error.problems)
    if problems:
        raise UserError(*problems)
    return papers


def same_value(first: object, second: object) -> bool:
    """Whether two settings are the same: numbers by value (20 is 20.0), but never a number and a truth value."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same_value, first, second))
    return first == second


class _Rules:
    """The rules that tie the parts of one `paper.toml` together.

    They look at the parsed file rather than at the objects, so that a fault in one place hides none in another; what
    is of the wrong type has been reported already and is passed over here.
    """

    def __init__(self, table: Mapping[str, Any], report: Callable[[str, str], None]) -> None:
        self.table = table
        self.report = report
        self.experiments = {
            item["name"]: item for _, item in self.items(table, "experiments") if isinstance(item.get("name"), str)
        }
        self.departures = self.names("departures", "id")
        self.questions = self.names("questions", "id")

    def check(self) -> None:
        """Report everything that breaks a rule."""
        if self.table.get("claims") == []:
            self.report("claims", "claims is empty; a paper without a claim has nothing to reproduce")
        for kind, key, pattern in (
            ("claims", "id", CLAIM_ID),
            ("experiments", "name", EXPERIMENT_NAME),
            ("departures", "id", CLAIM_ID),
            ("questions", "id", CLAIM_ID),
        ):
            self.check_names(kind, key, pattern)
        self.check_repeats("tags", self.table.get("tags"))
        self.check_repeats("builds_on", self.table.get("builds_on"))
        for place, claim in self.items(self.table, "claims"):
            self.check_claim(place, claim)
        for place, experiment in self.items(self.table, "experiments"):
            self.check_experiment(place, experiment)
        for place, symbol in self.items(self.table, "symbols"):
            if "$" in str(symbol.get("symbol", "")):
                self.report(f"{place}.symbol", "a symbol is written without dollars")
        self.check_comparison()

    def items(self, table: Mapping[str, Any], key: str, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        """The tables of a list, each with its place."""
        listed = table.get(key)
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict):
                yield f"{place}.{key}[{index}]" if place else f"{key}[{index}]", item

    def tables(self, table: Mapping[str, Any], key: str, place: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The tables within a table, each with its place and key."""
        inner = table.get(key)
        for name, item in (inner if isinstance(inner, dict) else {}).items():
            if isinstance(item, dict):
                yield f"{place}.{key}.{name}", name, item

    def names(self, kind: str, key: str) -> set[str]:
        return {item[key] for _, item in self.items(self.table, kind) if isinstance(item.get(key), str)}

    def check_names(self, kind: str, key: str, pattern: re.Pattern[str]) -> None:
        """Names are unique and can be written in a file name and in `{=name.metric}`."""
        seen: set[str] = set()
        for place, item in self.items(self.table, kind):
            name = item.get(key)
            if not isinstance(name, str) or not name:
                continue
            if name in seen:
                self.report(f"{place}.{key}", f"the {key} `{name}` is given twice in {kind}")
            if not pattern.fullmatch(name):
                self.report(f"{place}.{key}", f"the {key} `{name}` may hold only letters, digits, `-` and `_`")
            if kind == "claims" and name in self.experiments:
                self.report(f"{place}.{key}", f"`{name}` also names an experiment; a reference could mean either")
            seen.add(name)

    def check_repeats(self, place: str, listed: object) -> None:
        seen: list[object] = []
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if item == "":
                self.report(f"{place}[{index}]", f"{place}[{index}] is empty")
            elif item in seen:
                self.report(f"{place}[{index}]", f"`{item}` is given twice in {place}")
            seen.append(item)

    def check_claim(self, place: str, claim: dict[str, Any]) -> None:
        """A claim is either tested by an experiment at a scale, with a rule, or out of reach."""
        name = claim.get("id", place)
        testable = "experiment" in claim
        if testable == ("out_of_reach" in claim):
            fault = "both an experiment and out_of_reach" if testable else "neither an experiment nor out_of_reach"
            self.report(place, f"claim {name} has {fault}; it needs exactly one of them")
        if not testable and "scale" in claim:
            self.report(f"{place}.scale", f"claim {name} names a scale but no experiment")
        if testable:
            for key in ("scale", "reason", "criteria"):
                if not claim.get(key):
                    self.report(place, f"claim {name} is tested by an experiment and so needs `{key}`")
            self.check_test(place, name, claim)
        metrics: set[str] = set()
        for inner, criterion in self.items(claim, "criteria", place):
            self.check_criterion(inner, criterion, testable)
            metric = criterion.get("metric")
            if isinstance(metric, str) and metric in metrics:
                self.report(f"{inner}.metric", f"claim {name} has two criteria for the metric `{metric}`")
            metrics.add(str(metric))

    def check_test(self, place: str, name: str, claim: dict[str, Any]) -> None:
        """The experiment of a claim exists and has the scale."""
        experiment, scale = claim["experiment"], claim.get("scale")
        if not isinstance(experiment, str) or not experiment:
            return
        if experiment not in self.experiments:
            meant = did_you_mean(experiment, self.experiments)
            self.report(f"{place}.experiment", f"claim {name} names an unknown experiment `{experiment}`{meant}")
            return
        scales = self.experiments[experiment].get("scales")
        if isinstance(scales, dict) and scale in SCALES and scale not in scales:
            there = ", ".join(scales) or "none"
            self.report(
                f"{place}.scale", f"claim {name}: experiment `{experiment}` has no scale `{scale}` (it has {there})"
            )

    def check_criterion(self, place: str, criterion: dict[str, Any], testable: bool) -> None:
        """A criterion has a bound, its bounds are in order, and its metric can be referred to."""
        metric, low, high = (criterion.get(key) for key in ("metric", "low", "high"))
        if testable and low is None and high is None:
            self.report(place, f"the criterion for `{metric}` has neither `low` nor `high`; every value would pass")
        if low is not None and high is not None and _is_number(low) and _is_number(high) and low > high:
            self.report(f"{place}.low", f"low ({low}) is greater than high ({high}); no value could pass")
        if _is_number(criterion.get("seeds")) and criterion["seeds"] < 1:
            self.report(f"{place}.seeds", "seeds must be at least 1")
        if isinstance(metric, str) and metric:
            if not METRIC_NAME.fullmatch(metric):
                self.report(
                    f"{place}.metric", f"the metric `{metric}` may hold only letters, digits, `-`, `_`, `+` and `/`"
                )
            if metric in RESERVED_METRICS:
                self.report(f"{place}.metric", f"`{metric}` cannot name a metric: references in prose use the word")

    def check_experiment(self, place: str, experiment: dict[str, Any]) -> None:
        """An experiment has scales that exist, and its settings have values for these and a source for each."""
        scales = experiment.get("scales")
        if isinstance(scales, dict) and not scales:
            self.report(f"{place}.scales", f"experiment `{experiment.get('name')}` has no scale")
        names: list[str] = []
        for inner, name, scale in self.tables(experiment, "scales", place):
            names.append(name)
            if name not in SCALES:
                known = ", ".join(SCALES)
                self.report(inner, f"unknown scale `{name}`; the scales are {known}{did_you_mean(name, SCALES)}")
            if _is_number(scale.get("seeds")) and scale["seeds"] < 1:
                self.report(f"{inner}.seeds", "seeds must be at least 1")
            self.check_repeats(f"{inner}.data", scale.get("data"))
        for inner, name, setting in self.tables(experiment, "settings", place):
            self.check_setting(inner, name, setting, names)

    def check_setting(self, place: str, name: str, setting: dict[str, Any], scales: list[str]) -> None:
        """Every value of a setting has a source, and one that is not the paper's has a departure."""
        values, departures = setting.get("values"), setting.get("departures", {})
        values = values if isinstance(values, dict) else {}
        departures = departures if isinstance(departures, dict) else {}
        if setting.get("values") == {}:
            self.report(f"{place}.values", f"the setting `{name}` has no value for any scale")
        question = setting.get("question")
        if isinstance(question, str) and question and question not in self.questions:
            meant = did_you_mean(question, self.questions)
            self.report(f"{place}.question", f"the setting `{name}` names an unknown question `{question}`{meant}")
        for scale, value in values.items():
            here = f"{place}.values.{scale}"
            if scale not in scales:
                self.report(here, f"the setting `{name}` has a value for `{scale}`, which the experiment does not have")
            elif scale not in departures:
                if "paper" in setting and not same_value(value, setting["paper"]):
                    self.report(
                        here,
                        f"the setting `{name}` is {as_text(value)} at scale {scale} where the paper has "
                        f"{as_text(setting['paper'])}, without a departure that says why",
                    )
                if "where" not in setting and "question" not in setting:
                    self.report(here, f"the setting `{name}` has no where, question or departure at scale {scale}")
        for scale, departure in departures.items():
            here = f"{place}.departures.{scale}"
            if scale not in values:
                self.report(here, f"the setting `{name}` departs at scale `{scale}`, for which it has no value")
            elif "paper" in setting and same_value(values[scale], setting["paper"]):
                self.report(here, f"the setting `{name}` departs at scale {scale}, but its value there is the paper's")
            if isinstance(departure, str) and departure not in self.departures:
                meant = did_you_mean(departure, self.departures)
                self.report(here, f"the setting `{name}` names an unknown departure `{departure}`{meant}")

    def check_comparison(self) -> None:
        """Every row has a cell for every column, and for no other."""
        comparison = self.table.get("comparison")
        if not isinstance(comparison, dict):
            return
        columns = comparison.get("columns", [])
        self.check_repeats("comparison.columns", columns)
        if not isinstance(columns, list):
            return
        names = [column for column in columns if isinstance(column, str)]
        for place, row in self.items(comparison, "rows", "comparison"):
            cells = row.get("cells")
            if not isinstance(cells, dict):
                continue
            for column in cells:
                if column not in names:
                    meant = did_you_mean(column, names)
                    self.report(f"{place}.cells.{column}", f"a cell for an unknown column `{column}`{meant}")
            for column in names:
                if column not in cells:
                    self.report(f"{place}.cells", f"the row `{row.get('aspect')}` has no cell for `{column}`")


@dataclass(frozen=True)
class Match:
    """Something found.

    Attributes:
        slug: The paper.
        kind: `paper`, `claim`, `experiment`, `setting`, `departure`, `question` or `symbol`.
        id: The name of the thing within the paper; the slug for the paper itself.
        text: What was found.
        score: How well it fits, from 0 to 1.
    """

    slug: str
    kind: str
    id: str
    text: str
    score: float


def search(query: str, papers: Iterable[Paper] | None = None) -> list[Match]:
    """Find papers, claims, experiments, settings, departures, questions and symbols by words.

    Case and accents do not matter, the beginning of a word is enough, and mistyped words are forgiven. Chinese,
    Japanese and Korean text is found by its characters.

    Args:
        query: Any text.
        papers: Where to look; all papers by default.

    Returns:
        What fits all words of the query, best first; if nothing does, what fits most of them.
    """
    wanted = list(dict.fromkeys(_words(query)))
    if not wanted:
        return []
    found: list[tuple[int, Match]] = []
    likeness = {word: _Likeness(word) for word in wanted}
    for paper in load_all() if papers is None else papers:
        for kind, name, strong, weak in _searchable(paper):
            words = dict.fromkeys(_indexed(weak), 0.8) | dict.fromkeys(_indexed(f"{name} {strong}"), 1.0)
            scores = [
                max((likeness[want](word) * weight for word, weight in words.items()), default=0.0) for want in wanted
            ]
            if any(scores):
                rank = sum(scores) / len(wanted) * (1.0 if kind == "paper" else 0.95)
                found.append(
                    (sum(score > 0 for score in scores), Match(paper.slug, kind, name, strong, round(rank, 3)))
                )
    most = max((count for count, _ in found), default=0)
    return sorted(
        (match for count, match in found if count == most),
        key=lambda match: (-match.score, match.slug, match.kind != "paper"),
    )


def _searchable(paper: Paper) -> Iterator[tuple[str, str, str, str]]:
    """What can be found in a paper: its kind, its name, its main text and the text that says more about it."""
    entry = [paper.title, *paper.authors, str(paper.year or ""), paper.venue]
    yield "paper", paper.slug, f"{paper.name}: {paper.tagline}", " ".join([paper.key, *paper.tags, *entry])
    for claim in paper.claims:
        metrics = " ".join(criterion.metric for criterion in claim.criteria)
        more = (claim.where, claim.reason, claim.out_of_reach or "", claim.experiment or "", metrics)
        yield "claim", claim.id, claim.statement, " ".join(more)
    for experiment in paper.experiments:
        yield "experiment", experiment.name, experiment.title, experiment.what
        for setting in experiment.settings.values():
            yield "setting", f"{experiment.name}.{setting.name}", setting.meaning, setting.where or ""
    for departure in paper.departures:
        said = (departure.paper, departure.where, departure.why, departure.effect)
        yield "departure", departure.id, departure.what, " ".join(said)
    for question in paper.questions:
        yield "question", question.id, question.question, " ".join((question.where, question.assumed, question.effect))
    for symbol in paper.symbols:
        yield "symbol", symbol.symbol, symbol.meaning, f"{symbol.code} {symbol.where}"


def _words(text: str) -> Iterator[str]:
    """The words of a text without case and accents; text that knows no spaces gives its single characters."""
    import unicodedata

    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    for word in re.findall(r"[^\W_]+", unicodedata.normalize("NFC", plain)):
        if re.search(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]", word):
            yield from (character for character in word if not character.isspace())
        else:
            yield word


def _indexed(text: str) -> Iterator[str]:
    """The words that a text is found under: its own, and those with a hyphen also in one piece."""
    yield from _words(text)
    for compound in re.findall(r"[^\W_]+(?:-[^\W_]+)+", text):
        yield from _words(compound.replace("-", ""))


class _Likeness:
    """How much a word looks like the one that is wanted, from 0 to 1."""

    def __init__(self, wanted: str) -> None:
        import difflib

        self.wanted = wanted
        self.known: dict[str, float] = {}
        # The sequence that stays the same belongs second: difflib prepares that one once.
        self.matcher = difflib.SequenceMatcher(autojunk=False, b=wanted)

    def __call__(self, word: str) -> float:
        if word not in self.known:
            self.known[word] = self.compare(word)
        return self.known[word]

    def compare(self, word: str) -> float:
        if word == self.wanted:
            return 1.0
        if len(self.wanted) >= 2 and word.startswith(self.wanted):
            return 0.9
        if len(self.wanted) >= 4 and self.wanted in word:
            return 0.7
        if len(self.wanted) < 4 or abs(len(word) - len(self.wanted)) > 2 or self.wanted.isdigit():
            return 0.0
        self.matcher.set_seq1(word)
        if self.matcher.real_quick_ratio() < 0.75 or self.matcher.quick_ratio() < 0.75:
            return 0.0
        ratio = self.matcher.ratio()
        return 0.6 * ratio if ratio >= 0.75 else 0.0


def _pick(things: Mapping[str, Thing], name: str, complaint: str) -> Thing:
    """Return the thing of a name, or say which one may have been meant."""
    if name not in things:
        remedy = did_you_mean(name, things) or (f"; it has {', '.join(things)}" if things else "")
        raise UserError(f"{complaint} `{name}`{remedy}")
    return things[name]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
