"""The list of references: every work of the bibliography, who cites it, and how to cite it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from papers import catalog
from papers.bibliography import Citation, Entry, citations, format_entry
from papers.markdown.code import line_anchor
from papers.markdown.context import Context
from papers.markdown.tables import Cell, element, plain


def references(context: Context) -> Iterator[Element]:
    """One entry a work, in the order of a reference list."""
    cited: dict[str, list[Citation]] = defaultdict(list)
    for citation in citations(context.root, context.works):
        cited[citation.key].append(citation)
    names = {slug: catalog.load(slug, context.root / "papers").name for slug in catalog.slugs(context.root / "papers")}
    works = [_work(entry, cited[entry.key], names, context) for entry in context.works.sorted()]
    yield element("ul", works, class_="references")


def _work(entry: Entry, cited: list[Citation], names: dict[str, str], context: Context) -> Element:
    suffix = context.works.year_suffix(entry.key)
    parts: list[Cell] = [element("p", format_entry(entry, "markdown", suffix))]
    if entry.unverified:
        note = f"Not yet checked against a source: {', '.join(entry.unverified)}."
        parts.append(element("p", plain(note), class_="unverified"))
    if cited:
        parts.append(element("p", [plain("Cited by "), *_places(cited, names)], class_="cited-by"))
    bibtex = element("pre", element("code", plain(format_entry(entry, "bibtex") + "\n")))
    key = element("code", plain(f"[@{entry.key}]"))
    parts.append(element("details", [element("summary", key), bibtex], data_search_exclude=""))
    return element("li", parts, id=f"ref-{entry.key}")


def _places(cited: list[Citation], names: dict[str, str]) -> Iterator[Element]:
    """A link for each page and each piece of data, then each file of code with a link for each line."""
    links = {_label(c, names): _address(c, names) for c in reversed(cited) if c.kind != "code"}
    for label, address in reversed(links.items()):
        yield _link(label, address)
    files: dict[Path, dict[int, Citation]] = defaultdict(dict)
    for citation in (c for c in cited if c.kind == "code"):
        files[citation.path][citation.line] = citation
    for path, lines in files.items():
        numbers = [_link(str(line), _address(citation, names)) for line, citation in lines.items()]
        yield element("span", [element("code", plain(path.as_posix())), *numbers], class_="cited-lines")


def _link(label: str, address: str) -> Element:
    return element("a", plain(label), href=address) if address else element("span", plain(label))


def _slug(path: Path) -> str:
    """The paper that a file belongs to; a package cannot have the hyphens of its paper's name."""
    return path.parts[1].replace("_", "-") if len(path.parts) > 2 else ""


def _label(citation: Citation, names: dict[str, str]) -> str:
    name = names.get(_slug(citation.path), "")
    if citation.kind == "data":
        return f"{name}, {citation.context}" if citation.context not in ("", "key", "builds_on") else name
    return name if citation.path.name == "summary.md" else citation.path.stem


def _address(citation: Citation, names: dict[str, str]) -> str:
    """Where on the site the place is shown; empty if nowhere."""
    path, slug = citation.path, _slug(citation.path)
    page = f"/papers/{slug}.md" if slug in names else ""
    if path.parts[0] == "docs":
        return "/" + path.relative_to("docs").as_posix()
    if not page or path.name == "__init__.py":
        return ""
    if citation.kind == "code":
        return f"{page}#{line_anchor(path, citation.line)}" if len(path.parts) == 3 else ""
    kind, _, name = citation.context.partition(" ")
    anchors = {
        "claims": name,
        "departures": f"departure-{name}",
        "questions": f"question-{name}",
        "experiments": f"experiment-{name}",
    }
    return f"{page}#{anchors[kind]}" if kind in anchors and name else page
