"""Lints the whole knowledge base: everything that is wrong, missing or unfinished, with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from papers import bibliography, catalog, evidence, fingerprint, numbers
from papers.bibliography import Bibliography, blank_code
from papers.catalog import Paper, papers_directory
from papers.errors import Problem, UserError
from papers.evidence import Verdict
from papers.files import read_text
from papers.scaffold import MARKER, REQUIRED_HEADINGS
from papers.schema import Number


def check(directory: Path | None = None, slug: str | None = None) -> list[Problem]:
    """Look at every paper with all that belongs to it, or at one.

    Looks at `paper.toml`, the summary, the bibliography and every citation, the implementation, the experiments, the
    published records and the page. The tests, the page and the site's other pages are looked at in a checkout only.

    Args:
        directory: The folder of the papers; the package's own by default.
        slug: The only paper to look at.

    Returns:
        What was found, in the order of files and lines; empty if all is well.

    Raises:
        UserError: If there is no paper of this name.
    """
    directory = directory or papers_directory()
    known = catalog.slugs(directory)
    if slug is not None and slug not in known:
        catalog.load(slug, directory)
    place = _Place(directory, directory.parent, _works(directory.parent))
    problems = list(place.works.problems)
    for name in [slug] if slug is not None else known:
        problems += _check_paper(name, place)
    if slug is None:
        problems += _folders_without_paper(place)
        problems += _check_other_pages(place)
        problems += _check_code(sorted((place.root / "implementations").rglob("*.py")), place)
    else:
        package = place.root / "implementations" / fingerprint.package_name(slug)
        problems += _check_code(sorted(package.rglob("*.py")), place)
    return sorted(dict.fromkeys(problems), key=lambda problem: (str(problem.path or ""), problem.line or 0))


@dataclass(frozen=True)
class _Works:
    """The bibliography, or what is wrong with it."""

    bibliography: Bibliography | None
    problems: tuple[Problem, ...]

    def unknown(self, key: str) -> str | None:
        """Say that there is no entry of a key; None if there is one, or if nobody can tell."""
        if self.bibliography is None or key in self.bibliography:
            return None
        return f"references.bib has no entry `{key}`{self.bibliography.suggest(key)}"


@dataclass(frozen=True)
class _Place:
    """Where the papers stand."""

    directory: Path
    root: Path
    works: _Works

    @property
    def is_checkout(self) -> bool:
        """Whether tests and pages stand beside the papers, and not somebody else's as beside an installed package."""
        return (self.root / "references.bib").exists()


def _works(root: Path) -> _Works:
    path = root / "references.bib"
    try:
        return _Works(bibliography.load(path if path.exists() else None), ())
    except UserError as error:
        return _Works(None, error.problems)


def _check_paper(slug: str, place: _Place) -> Iterator[Problem]:
    """Everything about one paper."""
    try:
        paper = catalog.load(slug, place.directory)
    except UserError as error:
        yield from error.problems
        return
    yield from _check_data(paper, place)
    yield from _check_rules(paper)
    yield from _check_summary(paper, place)
    yield from _check_implementation(paper, place)
    yield from _check_evidence(paper)
    yield from _incomplete(paper, place)


def _folders_without_paper(place: _Place) -> Iterator[Problem]:
    for folder in sorted(path for path in place.directory.iterdir() if path.is_dir()):
        if not (folder / "paper.toml").exists() and ((folder / "summary.md").exists() or (folder / "records").exists()):
            yield Problem(
                "the file is missing: a summary or records stand here without their paper", folder / "paper.toml"
            )


# paper.toml beyond what the catalogue checks


def _check_data(paper: Paper, place: _Place) -> Iterator[Problem]:
    """Citations lead somewhere; departures and questions are referred to."""
    keys = [("key", paper.key), *((f"builds_on[{index}]", key) for index, key in enumerate(paper.builds_on))]
    for where, key in keys:
        message = place.works.unknown(key)
        if message and MARKER not in key:
            yield Problem(message, paper.path, paper.line(where))
    text = read_text(paper.path)
    yield from _check_citations(text, paper.path, place)
    package = place.root / "implementations" / fingerprint.package_name(paper.slug)
    files = [paper.summary_path, *sorted(package.rglob("*.py"))]
    mentioned = "\n".join([text, *(_read(path) for path in files)])
    settings = [setting for experiment in paper.experiments for setting in experiment.settings.values()]
    departures = {departure for setting in settings for departure in setting.departures.values()}
    questions = {setting.question for setting in settings}
    for kind, ids, used in (
        ("departure", [departure.id for departure in paper.departures], departures),
        ("question", [question.id for question in paper.questions], questions),
    ):
        for index, name in enumerate(ids):
            if name not in used and not re.search(rf"\b{kind}: {re.escape(name)}(?![\w-])", mentioned):
                yield Problem(
                    f"the {kind} `{name}` is used nowhere: name it in a setting, or write `{kind}: {name}` beside the "
                    "code or sentence that it is about",
                    paper.path,
                    paper.line(f"{kind}s[{index}].id"),
                )


def _check_rules(paper: Paper) -> Iterator[Problem]:
    """The rules of claims can be met: by the paper's own value, and with the seeds that the experiment runs."""
    experiments = {experiment.name: experiment for experiment in paper.experiments}
    for index, claim in enumerate(paper.claims):
        for position, criterion in enumerate(claim.criteria):
            line = paper.line(f"claims[{index}].criteria[{position}]")
            if claim.experiment and claim.scale:
                runs = experiments[claim.experiment].scales[claim.scale].seeds
                if criterion.seeds > runs:
                    message = f"the rule asks for {criterion.seeds} seeds, but the experiment runs {runs} at its scale"
                    yield Problem(f"claim {claim.id}: {message}", paper.path, line)
            if (
                criterion.paper is not None
                and evidence.compare(criterion.paper, criterion.paper, criterion) != "reproduced"
            ):
                shown = evidence.format_value(criterion.paper, criterion.unit, None)
                message = f"the paper's own value {shown} is not accepted: {evidence.format_accepted(criterion)}"
                yield Problem(f"claim {claim.id}: {message}", paper.path, line)


# Text for people


def _check_summary(paper: Paper, place: _Place) -> Iterator[Problem]:
    """The summary has its sections, its citations and numbers lead somewhere, and no figure is typed by hand."""
    path = paper.summary_path
    try:
        text = paper.summary()
    except UserError as error:
        yield from error.problems
        return
    yield from _check_headings(text, path)
    yield from _check_citations(text, path, place)
    try:
        records = evidence.published_records(paper)
    except UserError:
        records = []  # reported with the evidence
    try:
        numbers.resolve(text, paper, records, path)
    except UserError as error:
        yield from error.problems
    yield from _typed_numbers(text, paper)


def _check_headings(text: str, path: Path) -> Iterator[Problem]:
    """Every required section is there, and says something."""
    sections: dict[str, tuple[int, bool]] = {}
    open_sections: list[tuple[int, str]] = []
    for number, line in enumerate(blank_code(text).splitlines(), start=1):
        heading = re.match(r"(#{1,6})\s+(.*?)\s*#*$", line)
        if heading:
            depth = len(heading[1])
            open_sections = [(outer, name) for outer, name in open_sections if outer < depth]
            name = re.sub(r"\s*\{[^}]*\}$", "", heading[2]).casefold()
            sections.setdefault(name, (number, False))
            open_sections.append((depth, name))
        elif line.strip():
            for _, name in open_sections:
                sections[name] = (sections[name][0], True)
    for required in REQUIRED_HEADINGS:
        if required.casefold() not in sections:
            yield Problem(f"the section `{required}` is missing; write `## {required}`", path)
        elif not sections[required.casefold()][1]:
            yield Problem(f"the section `{required}` is empty", path, sections[required.casefold()][0])


def _check_citations(text: str, path: Path, place: _Place) -> Iterator[Problem]:
    """Every `[@key]` is well formed and known."""
    for line, inside in bibliography.find_citations(text):
        works = bibliography.parse_citation(inside)
        if works is None:
            yield Problem(f"`[{inside}]` is not a citation; write [@key], [@key, Sec. 2] or [@one; @two]", path, line)
        for key, _ in works or ():
            message = place.works.unknown(key)
            if message:
                yield Problem(message, path, line)


def _check_other_pages(place: _Place) -> Iterator[Problem]:
    """The citations on the site's own pages."""
    for path in sorted((place.root / "docs").rglob("*.md")) if place.is_checkout else []:
        try:
            yield from _check_citations(read_text(path), path, place)
        except UserError as error:
            yield from error.problems


NOT_PROSE = re.compile(
    r"""
      <!--.*?-->                                  # comments
    | \$\$.*?\$\$ | (?<!\\)\$(?!\s)(?:[^$\n]|\\\$)+?(?<![\s\\])\$   # mathematics
    | \{=[^{}\n]*\}                               # numbers by reference
    | (?<!\\)\[@[^\[\]]*\]                        # citations
    | (?<=\])\([^()\n]*\) | <[^<>\n]+>            # targets of links, tags
    | \b(?:https?://|doi:|arXiv:)\S+ | \b10\.\d{4,}/\S+
    | ^\#{1,6}\ .*?$                              # headings
    | \b(?:sec|section|fig|figure|table|tab|eq|equation|appendix|app|chapter|theorem|lemma|algorithm|part|step|version
      |no|vol|pp?)(?:s|tion)?\b\.?\s*\(?[IVXLC\d][\w.\-–]*(?:(?:,|\ and|\ to)\s*\d[\w.\-–]*)* | §+\s*\w[\w.]*
    | ^\s*\d+[.)]\s                               # numbered lists
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
TYPED_NUMBER = re.compile(
    r"(?<![\w.,/^_-])(?P<number>\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\w/]|[.,]\d)"
    r"(?P<percent>\s?(?:%|per\s?cent\b))?"
)


def _typed_numbers(text: str, paper: Paper) -> Iterator[Problem]:
    """Figures in prose that were typed instead of referred to.

    What counts: percentages, decimal fractions, and whole numbers from 100 on that a claim gives as the paper's
    value. What does not: code, mathematics, citations, links, headings, the numbers of sections and figures, years.
    """
    prose = NOT_PROSE.sub(_blank, blank_code(text))
    by_value: dict[Number, str] = {}
    for claim in paper.claims:
        for criterion in claim.criteria:
            name = f"{claim.id}.paper" if len(claim.criteria) == 1 else f"{claim.id}.{criterion.metric}.paper"
            if criterion.paper is not None:
                by_value.setdefault(criterion.paper, name)
    for match in TYPED_NUMBER.finditer(prose):
        typed = match["number"]
        value = float(re.sub("[,\u00a0\u202f]", "", typed))
        known = by_value.get(value)
        is_year = re.fullmatch(r"1[89]\d\d|20\d\d", typed) is not None
        if "." in typed or match["percent"] or (known and value >= 100 and not is_year):
            remedy = f"write {{={known}}}" if known else "refer to a claim or a metric, or set it in $...$ or `code`"
            line = prose.count("\n", 0, match.start()) + 1
            yield Problem(f"number typed by hand: {match[0].strip()}; {remedy}", paper.summary_path, line)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


# Code


def _check_implementation(paper: Paper, place: _Place) -> Iterator[Problem]:
    """The implementation is there with its page and tests, and its experiments are those of the paper's file."""
    package = fingerprint.package_name(paper.slug)
    folder = place.root / "implementations" / package
    yield from (
        Problem("the file is missing: every paper has an implementation", folder / name)
        for name in ("__init__.py", "model.py")
        if not (folder / name).is_file()
    )
    if place.is_checkout:
        tests = place.root / "tests"
        if not [*tests.glob(f"test_{package}.py"), *tests.glob(f"test_{package}_*.py")]:
            yield Problem("the file is missing: every paper has tests of its own", tests / f"test_{package}.py")
        page = place.root / "docs" / "papers" / f"{paper.slug}.md"
        if not page.is_file():
            yield Problem("the file is missing: every paper has a page on the site", page)
        navigation = place.root / "mkdocs.yml"
        if navigation.is_file() and f"papers/{paper.slug}.md" not in _read(navigation):
            yield Problem(f"the navigation does not name the page papers/{paper.slug}.md", navigation)
    try:
        implemented = fingerprint.implemented_experiments(paper.slug, place.root)
    except UserError as error:
        yield from error.problems
        return
    path = folder / "experiments.py"
    named = {experiment.name for experiment in paper.experiments}
    for index, experiment in enumerate(paper.experiments):
        if experiment.name not in implemented:
            message = f"the experiment `{experiment.name}` is not implemented: no function in {path.name} is decorated"
            line = paper.line(f"experiments[{index}].name")
            yield Problem(f'{message} @experiment("{experiment.name}")', paper.path, line)
        else:
            try:
                fingerprint.fingerprint(paper.slug, experiment.name, place.root)
            except UserError as error:
                yield from error.problems
    for name, line in implemented.items():
        if name not in named:
            meant = catalog.did_you_mean(name, named)
            yield Problem(f"the experiment `{name}` is not in {paper.slug}'s paper.toml{meant}", path, line)


ANCHOR = re.compile(r"\[(?P<key>[a-z][a-z-]*(?:19|20)\d\d[a-z][a-z0-9]*)(?:,[^\[\]\n]*)?\]")


def _check_code(paths: Iterable[Path], place: _Place) -> Iterator[Problem]:
    """The works that code names, as in `[key, Sec. 2]`, are in the bibliography."""
    for path in paths:
        try:
            text = read_text(path)
        except UserError as error:
            yield from error.problems
            continue
        yield from _check_citations(text, path, place)
        for number, line in enumerate(text.splitlines(), start=1):
            for match in ANCHOR.finditer(line):
                message = place.works.unknown(match["key"])
                if message:
                    yield Problem(message, path, number)


# Evidence


def _check_evidence(paper: Paper) -> Iterator[Problem]:
    """What is published follows from the records, and the records hold what the claims ask for."""
    report = evidence.verify(paper)
    yield from report.problems
    for index, result in enumerate(report.results):
        if result.verdict == Verdict.ERROR:
            line = paper.line(f"claims[{index}]")
            yield Problem(f"claim {result.claim.id} cannot be judged: {result.reason}", paper.path, line)


# What is unfinished


def _incomplete(paper: Paper, place: _Place) -> Iterator[Problem]:
    """Every place that still carries the mark of a scaffold."""
    package = place.root / "implementations" / fingerprint.package_name(paper.slug)
    page = place.root / "docs" / "papers" / f"{paper.slug}.md"
    for path in [paper.path, paper.summary_path, *sorted(package.rglob("*.py")), page]:
        for number, line in enumerate(_read(path).splitlines(), start=1):
            if MARKER in line:
                key = re.match(r"\s*([\w.]+)\s*=", line)
                what = line.split(MARKER, 1)[1].strip().rstrip('],"')
                named = f"{key[1]}: " if key and path == paper.path else ""
                yield Problem(f"incomplete: {named}{what}", path, number)


def _read(path: Path) -> str:
    """The text of a file; nothing if it cannot be read, which is reported elsewhere."""
    try:
        return read_text(path)
    except UserError:
        return ""
