"""Where a text is being rendered, and what becomes of its problems."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markdown import Markdown

from papers import bibliography, catalog, evidence
from papers.bibliography import Bibliography, blank_code
from papers.catalog import Paper
from papers.errors import Problem, UserError
from papers.evidence import ClaimResult, Record

# MkDocs counts the warnings on the loggers below its own name; with --strict they fail the build.
logger = logging.getLogger("mkdocs.papers")


@dataclass(frozen=True)
class Evidence:
    """A paper and what is published about it.

    Attributes:
        paper: The paper.
        records: Its published records, oldest first.
        results: The result of each claim.
        stale: Why a record no longer speaks for the code as it is, by the record's checksum.
    """

    paper: Paper
    records: tuple[Record, ...]
    results: tuple[ClaimResult, ...]
    stale: dict[str, str]


@dataclass
class Context:
    """What the extensions of one converter share.

    Attributes:
        md: The converter.
        root: The directory that holds `papers/`, `implementations/` and `references.bib`.
        default_paper: The slug of the paper that texts belong to unless a page says otherwise.
        references: The address of the references page.
        strict: Whether the first problem raises.
        paper: The slug of the paper that the text at hand belongs to; empty if to none.
        text: The text being rendered, as it was handed over.
    """

    md: Markdown
    root: Path
    default_paper: str
    references: str
    strict: bool
    paper: str = ""
    text: str = ""
    _reported: dict[str, int] = field(default_factory=dict)
    _evidence: dict[str, Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start before the first page."""
        self.reset()

    def reset(self) -> None:
        """Forget the page."""
        self.paper, self.text = self.default_paper, ""
        self._reported.clear()
        self._evidence.clear()

    @cached_property
    def works(self) -> Bibliography:
        """The bibliography of the project.

        Raises:
            UserError: Something is wrong in it.
        """
        path = self.root / "references.bib"
        return bibliography.load(path if path.exists() else None)

    def evidence(self, slug: str) -> Evidence:
        """Return a paper and what its published records say; what is wrong with the records is reported.

        Raises:
            UserError: There is no such paper, or something is wrong in its data.
        """
        if slug not in self._evidence:
            paper = catalog.load(slug, self.root / "papers")
            report = evidence.verify(paper)
            for problem in report.problems:
                self.report(problem)
            stale = {old.record.checksum: old.reason for old in report.stale}
            self._evidence[slug] = Evidence(paper, report.records, report.results, stale)
        return self._evidence[slug]

    @property
    def page(self) -> Path | None:
        """The file being rendered, if MkDocs is rendering one: its link processor knows."""
        if "relpath" not in self.md.treeprocessors:
            return None
        source = getattr(getattr(self.md.treeprocessors["relpath"], "file", None), "abs_src_path", None)
        return Path(source) if source else None

    def problem(self, message: str, written: str) -> None:
        """Report what is wrong with a piece of text.

        Args:
            message: One sentence.
            written: The piece as it stands in the source, by which its file and line are found.

        Raises:
            UserError: If the converter is strict.
        """
        seen = self._reported.get(written, 0)
        self._reported[written] = seen + 1
        path, line = self.locate(written, seen)
        self.report(Problem(message, path, line))

    def report(self, problem: Problem) -> None:
        """Report a problem whose place is known.

        Raises:
            UserError: If the converter is strict.
        """
        path = problem.path
        if path and path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        problem = Problem(problem.message, path, problem.line)
        if self.strict:
            raise UserError(problem)
        logger.warning("%s", problem)

    def locate(self, written: str, occurrence: int = 0) -> tuple[Path | None, int | None]:
        """Find where a piece of text was written: the page, what the page shows of a paper, or a docstring.

        Text that comes from no file has a line only.
        """
        if self.page is None and (line := _line_of(written, self.text, occurrence)):
            return None, line
        for path in self._sources():
            text = path.read_text(encoding="utf-8")
            prose = blank_code(text) if path.suffix == ".md" else text
            if line := _line_of(written, prose, occurrence):
                return path, line
        return self.page, None

    def _sources(self) -> list[Path]:
        """The files that a piece of the page may come from, the likely ones first."""
        sources = [self.page] if self.page else []
        if self.paper:
            sources += [self.root / "papers" / self.paper / name for name in ("summary.md", "paper.toml")]
        if self.page:
            rooms = ("*.md", "papers/*/paper.toml", "implementations/**/*.py", "papers/**/*.py", "cli/**/*.py")
            sources += [path for pattern in rooms for path in sorted(self.root.glob(pattern))]
        return [path for path in dict.fromkeys(sources) if path.is_file()]


def _line_of(written: str, text: str, occurrence: int) -> int | None:
    """The line on which a piece of text stands for the nth time, or the last time; None if it does not."""
    pieces = {written, written.replace("\\", "\\\\")}  # as it stands, or as a TOML or Python string has it
    places = sorted(match.start() for piece in pieces for match in re.finditer(re.escape(piece), text))
    return text.count("\n", 0, places[min(occurrence, len(places) - 1)]) + 1 if places else None
