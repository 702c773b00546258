"""The site as a whole: it builds without a warning, asks nobody for anything, and no link in it leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT
from site_pages import Element, build, read_page
from toy_project import make_project

from papers import bibliography, catalog

EVERYWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own site, built once."""
    target = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", target)
    assert built.returncode == 0, built.stdout
    assert not re.search(r"WARNING|ERROR|Traceback", built.stdout), built.stdout
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Element]:
    """Every page of the site, by path."""
    return {path: read_page(path) for path in sorted(site.rglob("*.html"))}


def test_every_page_is_there(site: Path, pages: dict[Path, Element]) -> None:
    names = {path.relative_to(site).as_posix() for path in pages}
    expected = {"index", "papers/index", "references", "contributing", "architecture", "changelog"}
    expected |= {f"api/{room}" for room in ("papers", "implementations", "cli")}
    expected |= {f"papers/{slug}" for slug in catalog.slugs()}
    assert {f"{name}.html" for name in expected} <= names


def test_no_page_asks_anybody_else_for_anything(site: Path, pages: dict[Path, Element]) -> None:
    for path, page in pages.items():
        for element in page.all():
            if element.tag == "a" or (element.tag == "link" and element.attributes.get("rel") == "canonical"):
                continue
            for name in ("src", "href", "srcset", "data", "poster", "action", "xlink:href"):
                assert not EVERYWHERE.match(element.attributes.get(name, "")), f"{path}: {element}"
            assert "url(" not in element.attributes.get("style", "")
        for style in page.all("style"):
            assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", style.text)
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", text), path


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[Path, Element]) -> None:
    anchors = {path: {e.attributes["id"] for e in page.all() if "id" in e.attributes} for path, page in pages.items()}
    for path, page in pages.items():
        if path.name == "404.html":  # its links start at the root of the server
            continue
        for link in page.all("a"):
            address = urlsplit(link.attributes.get("href", ""))
            if address.scheme or address.netloc:
                continue
            assert not address.path.startswith("/"), f"{path}: {link.attributes}"
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{path}: {link.attributes}"
            if address.fragment and target.suffix == ".html" and not address.fragment.startswith("__"):
                assert unquote(address.fragment) in anchors[target], f"{path}: {link.attributes}"


def test_ids_are_unique(pages: dict[Path, Element]) -> None:
    for path, page in pages.items():
        ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
        twice = {name for name in ids if ids.count(name) > 1} if len(set(ids)) < len(ids) else set()
        assert not twice, path


def test_nothing_is_left_unrendered(pages: dict[Path, Element]) -> None:
    for path, page in pages.items():
        assert not page.all(class_="problem"), path
        for article in page.all("article"):
            prose = _without_code(article)
            assert not re.search(r"\[@|\{=|\[\[|\$\$|<autoref|\x02", prose), f"{path}: {prose}"


def _without_code(element: Element) -> str:
    parts = (part if isinstance(part, str) else _without_code(part) for part in element.parts)
    return "" if element.tag in ("code", "pre", "script", "style") else " ".join(parts)


def test_the_home_page_has_the_two_commands_and_every_paper(site: Path, pages: dict[Path, Element]) -> None:
    page = pages[site / "index.html"]
    code = [block.text for block in page.all("code")]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("-e . && papers reproduce lenet", '-e ".[dev]" && pytest'):
        shown = f"pip install -c constraints.txt {command}"
        assert any(shown in text for text in code), code
        assert shown in readme
    cards = page.all("ul", class_="cards")[0].all("li")
    papers = catalog.load_all()
    assert [card.all("a")[0].text for card in cards] == [paper.name for paper in papers]
    for card, paper in zip(cards, papers, strict=True):
        counts = [int(number) for number in re.findall(r"\d+", card.all(class_="tally")[0].text)]
        assert sum(counts) == len(paper.claims)


def test_the_page_of_a_paper_is_complete(site: Path, pages: dict[Path, Element]) -> None:
    for paper in catalog.load_all():
        page = pages[site / "papers" / f"{paper.slug}.html"]
        assert [h.text.removesuffix(" ¶") for h in page.all("h1")] == [paper.name]
        ids = {element.attributes.get("id") for element in page.all()}
        assert {claim.id for claim in paper.claims} <= ids
        assert {f"departure-{item.id}" for item in paper.departures} <= ids
        assert {f"question-{item.id}" for item in paper.questions} <= ids
        assert {f"experiment-{item.name}" for item in paper.experiments} <= ids
        for claim in paper.claims:
            (row,) = page.all("tbody", id=claim.id)
            assert row.all(class_="verdict"), claim.id
        assert page.all("dl", class_="sections")[0].all("a")
        assert page.all("div", class_="code")
        assert page.all("a", href=f"../references.html#ref-{paper.key}")


def test_the_references_page_has_every_work_and_who_cites_it(site: Path, pages: dict[Path, Element]) -> None:
    page = pages[site / "references.html"]
    works = bibliography.load()
    items = {item.attributes["id"]: item for item in page.all("ul", class_="references")[0].all("li")}
    assert list(items) == [f"ref-{entry.key}" for entry in works.sorted()]
    cited = {citation.key for citation in bibliography.citations(known=works)}
    assert {key for key in works.entries if items[f"ref-{key}"].all(class_="cited-by")} == cited
    assert any("papers/lenet.html" in a.attributes["href"] for a in items["ref-lecun1998gradient"].all("a"))
    unverified = {key for key in works.entries if items[f"ref-{key}"].all(class_="unverified")}
    assert unverified == {entry.key for entry in works if entry.unverified}


def test_citations_and_formulas_in_docstrings_are_rendered(site: Path, pages: dict[Path, Element]) -> None:
    page = pages[site / "api" / "implementations.html"]
    links = [link for link in page.all("a") if "aria-description" in link.attributes]
    assert any(link.attributes["href"] == "../references.html#ref-lecun1998gradient" for link in links)


def test_pages_are_light(site: Path) -> None:
    # The font is loaded only where there is a formula.
    assert (site / "index.html").stat().st_size < 60_000
    assert (site / "assets" / "papers.css").stat().st_size < 20_000
    assert (site / "assets" / "fonts" / "OFL.txt").exists()


# What must make the build fail

CONFIG = """\
site_name: Broken
docs_dir: docs
theme: {name: null, custom_dir: theme}
use_directory_urls: false
plugins: {mkdocstrings: {handlers: {python: {paths: [.]}}}}
markdown_extensions:
  - papers.markdown: {root: ROOT}
validation: {links: {anchors: warn, absolute_links: relative_to_docs}}
"""

BROKEN = {
    "docs/index.md": "---\ntitle: Home\n---\n# Home\n\nSee [@nokey].\n\n`[@nokey]` and [@nokey, Sec. 2]\n",
    "docs/maths.md": "# Maths\n\nGood: $x$.\n\nBad: $\\frac{$\n\n$$\n\\foo + 1\n$$\n",
    "docs/numbers.md": "# Numbers\n\n{=toy/T7.here}\n\n[[claims:tpy]]\n",
    "docs/toy.md": "[[paper:toy]]\n",
    "docs/api.md": "# API\n\n::: implementations.toy.model\n",
    "docs/references.md": "# References\n\n[[references]]\n",
    "docs/papers/toy.md": "# Toy\n",
    "papers/toy/summary.md": "# Toy\n\nSince [@rumelhart1986learnin] the value is {=T1.hree}.\n",
    "implementations/toy/model.py": '"""A model.\n\nBuilt as [@nobody, Sec. 2] says.\n"""\n\n\ndef f() -> None:\n'
    '    r"""Computes $\\bar{$."""\n',
    "theme/main.html": "{{ page.content }}",
}

COMPLAINTS = [
    "docs/index.md:6: No entry 'nokey' in references.bib.",
    "docs/index.md:8: No entry 'nokey' in references.bib.",
    "docs/maths.md:5: Cannot read the formula \\frac{: ",
    "docs/maths.md:8: Cannot read the formula \\foo + 1: ",
    "docs/numbers.md:3: {=T7.here} refers to no claim or experiment of toy",
    "docs/numbers.md:5: there is no paper `tpy`",
    "papers/toy/summary.md:3: No entry 'rumelhart1986learnin' in references.bib; did you mean 'rumelhart1986learning'",
    "papers/toy/summary.md:3: {=T1.hree} is not a reference to a claim",
    "implementations/toy/model.py:3: No entry 'nobody' in references.bib.",
    "implementations/toy/model.py:8: Cannot read the formula \\bar{: ",
]


def test_every_mistake_fails_the_build_with_file_and_line(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    for name, text in BROKEN.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    (project / "mkdocs.yml").write_text(CONFIG.replace("ROOT", str(project)), encoding="utf-8")
    built = build(project / "mkdocs.yml", tmp_path / "site")
    assert built.returncode != 0
    warnings = [line.split(" -  ", 1)[1] for line in built.stdout.splitlines() if line.startswith("WARNING")]
    for complaint in COMPLAINTS:
        assert any(warning.startswith(complaint) for warning in warnings), f"{complaint}\n{built.stdout}"
    assert "Traceback" not in built.stdout
