from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pybtex.database
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from papers import bibliography
from papers.bibliography import Bibliography, Entry, Name, format_entry
from papers.bibtex import read
from papers.errors import UserError
from papers.latex import decode_latex

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "test.bib"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture(scope="module")
def works() -> Bibliography:
    return bibliography.load()


def one(path: Path) -> Entry:
    (entry,) = bibliography.load(path)
    return entry


# The project's own file


def test_the_real_file_is_complete(works: Bibliography) -> None:
    assert len(works) >= 50
    assert works.find("lecun1998gradient").text("doi") == "10.1109/5.726791"
    assert works.find("lecun1998gradient").unverified == ()
    assert works.find("silver2016mastering").unverified == ("volume", "number", "pages", "doi", "url")
    assert works.path == ROOT / "references.bib"


def test_an_independent_reader_reads_the_same(works: Bibliography) -> None:
    def plain(words: list[str]) -> str:
        return decode_latex(" ".join(words))

    theirs = pybtex.database.parse_file(str(ROOT / "references.bib"))
    assert list(theirs.entries) == list(works.entries)
    for key, entry in theirs.entries.items():
        ours = works.find(key)
        fields = {name: value for name, value in ours.fields.items() if name not in ("author", "editor")}
        assert (entry.type, dict(entry.fields)) == (ours.type, fields)
        for role, names in (("author", ours.authors), ("editor", ours.editors)):
            expected = [
                Name(
                    plain(person.first_names + person.middle_names),
                    plain(person.prelast_names),
                    plain(person.last_names),
                    plain(person.lineage_names),
                )
                for person in entry.persons.get(role, ())
                if person.last_names != ["others"]
            ]
            assert list(names) == expected


def test_every_field_has_the_line_it_stands_on(works: Bibliography) -> None:
    lines = (ROOT / "references.bib").read_text(encoding="utf-8").split("\n")
    for entry in works:
        assert lines[entry.line - 1] == f"@{entry.type}{{{entry.key},"
        assert all(lines[line - 1].split("=")[0].strip() == field for field, line in entry.lines.items())


def test_what_is_printed_as_bibtex_reads_the_same(works: Bibliography, write: Write) -> None:
    printed = bibliography.load(write("\n\n".join(format_entry(entry, "bibtex") for entry in works)))
    for again, entry in zip(printed, works, strict=True):
        expected = {name: value for name, value in entry.fields.items() if name != "unverified"}
        assert (again.key, again.type, again.fields) == (entry.key, entry.type, expected)


def test_entries_are_frozen(works: Bibliography) -> None:
    entry = works.find("lecun1998gradient")
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.key = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        entry.fields["year"] = "2000"  # type: ignore[index]


def test_reading_needs_no_heavy_module() -> None:
    code = (
        "import sys; from papers import bibliography as b; assert 'bibtexparser' not in sys.modules; w = b.load();"
        "[b.format_entry(e, s) for e in w for s in b.STYLES]; w.cited_by('lecun1998gradient');"
        "sys.exit(bool({'torch', 'numpy', 'click', 'rich', 'markdown'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_an_installed_wheel_has_its_own_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bibliography, "project_root", lambda: tmp_path)
    assert bibliography.default_path() == tmp_path / "references.bib"
    inside = tmp_path / "papers" / "_data" / "references.bib"
    inside.parent.mkdir(parents=True)
    inside.write_text("@misc{a, title={A}, year={2000}}", encoding="utf-8")
    assert bibliography.default_path() == inside
    assert list(bibliography.load().entries) == ["a"]


def test_a_changed_file_is_read_again(write: Write) -> None:
    path = write("@misc{a, title={A}, year={2000}}")
    assert bibliography.load(path) is bibliography.load(path)
    write("@misc{bb, title={B}, year={2000}}")
    assert list(bibliography.load(path).entries) == ["bb"]


# Mistakes


MISTAKES = {
    "duplicate key": (
        "@misc{a, title={A}, year=2001}\n@misc{a, title={B}, year=2002}",
        2,
        "The key 'a' is used twice (first in line 1).",
    ),
    "keys that differ in case": (
        "@misc{a, title={A}, year=2001}\n@misc{A, title={B}, year=2002}",
        2,
        "The key 'A' is used twice (first in line 1, as 'a'; keys must differ in more than case).",
    ),
    "duplicate field": (
        "@misc{a,\n title={A},\n title={B}, year=2001}",
        3,
        "'a' has the field title twice (first in line 2).",
    ),
    "duplicate field in another case": (
        "@misc{a, title={A}, TITLE={B}, year=2001}",
        1,
        "'a' has the field title twice (first in line 1).",
    ),
    "missing comma": ("@misc{a, title={A}\n year={2001}}", 2, "A comma is missing before 'year' of 'a'."),
    "missing comma after a macro": (
        "@misc{a, month=may\n title={A}, year={2001}}",
        2,
        "A comma is missing before 'title' of 'a'.",
    ),
    "missing comma after the key": ("@misc{a title={A}, year={2001}}", 1, "A comma is missing after the key 'a'."),
    "empty key": ("\n@misc{, title={A}, year={2001}}", 2, "An entry without a key; write @type{key, ...}."),
    "no key": ("@misc{title={A}, year={2001}}", 1, "An entry without a key; write @type{key, ...}."),
    "space in key": ("@misc{a b, title={A}, year=2001}", 1, "The key 'a b' contains a space."),
    "key that cannot be cited": (
        "@misc{a;b, title={A}, year=2001}",
        1,
        "The key 'a;b' cannot be cited; use letters, digits and : . + / - only.",
    ),
    "undefined macro": (
        "@misc{a, title={A}, year=2001,\n note=nips}",
        2,
        "'nips' in note of 'a' is not a defined @string; write it in braces.",
    ),
    "macro used before it is defined": (
        "@misc{a, title=t, year=2001}\n@string{t={T}}",
        1,
        "'t' in title of 'a' is not a defined @string; write it in braces.",
    ),
    "hash without a value": (
        "@misc{a, title={A} #, year=2001}",
        1,
        "Cannot read the value of title of 'a'; write it in braces.",
    ),
    "stray word": (
        "@nonsense\n@misc{a, title={A}, year=2001}",
        1,
        "Stray @nonsense: an entry is written @nonsense{key, ...}.",
    ),
    "unclosed brace": (
        "@misc{a, title={A {B}, year=2001}\n@misc{b, title={B}, year=2002}",
        1,
        "@misc 'a' is never closed; a brace is missing.",
    ),
    "unclosed at the end": ("@misc{a, title={A", 1, "@misc 'a' is never closed; a brace is missing."),
    "unclosed quote": (
        '@misc{a, title="A, year=2001}',
        1,
        "Cannot read the value of title of 'a'; write it in braces.",
    ),
    "brace closed too early": (
        "@misc{a, year=2001, title={A}},\n note={B}}",
        1,
        "Text outside an entry; a comment starts with %, or a brace above is closed too early.",
    ),
    "missing fields": ("\n@article{a, title={A}}", 2, "@article 'a' lacks author, journal, year."),
    "missing author or editor": (
        "@book{a, title={A}, publisher={P}, year=2001}",
        1,
        "@book 'a' lacks author or editor.",
    ),
    "empty field": ("@misc{a, title={A}, year=2001,\n note={ }}", 2, "The field note of 'a' is empty."),
    "year": ("@misc{a, title={A},\n year={in 2001}}", 2, "The year of 'a' is 'in 2001'; write four digits."),
    "unknown type": ("@artcle{a, title={A}, year=2001}", 1, "Unknown entry type @artcle; known are article, book,"),
    "text outside": (
        "@misc{a, title={A}, year=2001}\n\n% fine\nnot fine",
        4,
        "Text outside an entry; a comment starts with %, or a brace above is closed too early.",
    ),
    "entry behind a comment sign": (
        "% @misc{a, title={A}, year=2001}",
        1,
        "BibTeX still reads an entry after %; delete it, or wrap it in @comment{...}.",
    ),
    "doubled comma": ("@misc{a, title={A},, year=2001}", 1, "'a' has two commas in a row."),
    "no value": ("@misc{a, title={A}, year}", 1, "'a' has no name = value at 'year'."),
    "unknown LaTeX": (
        "@misc{a, year=2001,\n title={A \\foo{b}}}",
        2,
        "\\foo in title of 'a' is not known; write the character itself.",
    ),
    "doubled and": (
        "@misc{a, title={A}, year=2001,\n author={A, B and and C, D}}",
        2,
        "A name is missing beside an 'and' in author of 'a'.",
    ),
    "unverified field that is not there": (
        "@misc{a, title={A}, year=2001,\n unverified={pages}}",
        2,
        "'a' marks pages as unverified but has no such field.",
    ),
    "macro without a value": ("@string{a}", 1, "A macro is written @string{name = {value}}."),
    "two macros in one": (
        "@string{a={A}, b={B}}",
        1,
        "Cannot read the value of a of @string; write it in braces.",
    ),
    "value without a name": ("@misc{a,\n {A}, year=2001}", 2, "'a' has no name = value at '{'."),
    "comment within an entry": ("@misc{a,\n % c\n title={A}, year=2001}", 3, "'a' has no name = value at '% c'."),
    "macro defined twice": ("@string{jan={J}}", 1, "The macro 'jan' is defined twice."),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line(write: Write, caplog: pytest.LogCaptureFixture, name: str) -> None:
    text, line, message = MISTAKES[name]
    path = write(text)
    with pytest.raises(UserError) as caught:
        bibliography.load(path)
    first = caught.value.problems[0]
    assert (first.path, first.line) == (path, line)
    assert first.message.startswith(message)
    assert not caplog.records


@pytest.mark.parametrize("name", ["duplicate key", "missing comma", "unclosed brace", "undefined macro", "empty key"])
def test_one_mistake_is_one_problem(write: Write, name: str) -> None:
    with pytest.raises(UserError) as caught:
        bibliography.load(write(MISTAKES[name][0]))
    assert len(caught.value.problems) == 1


def test_all_mistakes_come_at_once_in_order(write: Write) -> None:
    with pytest.raises(UserError) as caught:
        bibliography.load(write("\n".join(text for text, _, _ in MISTAKES.values())))
    lines = [problem.line for problem in caught.value.problems]
    assert len(lines) > 20
    assert lines == sorted(lines, key=lambda line: line or 0)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.bib: the file is missing"):
        bibliography.load(tmp_path / "none.bib")
    (tmp_path / "latin.bib").write_bytes("@misc{a,\n title={Müller}}".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.bib:2: .*UTF-8"):
        bibliography.load(tmp_path / "latin.bib")


@given(st.text(alphabet='@{}(),=#" %\\\nabc0misctring', max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    _, problems = read(text, Path("x.bib"))
    assert all(problem.line and problem.line <= text.count("\n") + 1 for problem in problems)


def test_what_is_odd_but_right(write: Write) -> None:
    text = """
        @comment{jabref: x}  @preamble{"\\newcommand"}
        @string{ nips = "Neural " # {Systems} }
        % a comment with a @word
        @ARTICLE(Key:2010/a+b, Author = {M{\\"u}ller, J{\\"o}rg and 周志华}, TITLE = "A {"}quoted{"} thing",
          journal = nips # { } # 2001 # may, year = 2010,)
    """
    entry = one(write(text))
    assert (entry.key, entry.type, entry.line) == ("Key:2010/a+b", "article", 5)
    assert entry.authors == (Name("Jörg", "", "Müller"), Name("", "", "周志华"))
    assert entry.title == 'A "quoted" thing'
    assert entry.text("journal") == "Neural Systems 2001May"
    assert entry.lines["journal"] == 6


def test_an_address_may_hold_an_at_sign(write: Write) -> None:
    assert (
        one(write("@misc{a, title={A}, year=2001, url={https://a.b/@c{d}%20~e_f}}"))
        .text("url")
        .endswith("/@c{d}%20~e_f")
    )


# Names and LaTeX


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("LeCun, Yann", Name("Yann", "", "LeCun")),
        ("Yann LeCun", Name("Yann", "", "LeCun")),
        ('van den Oord, A{\\"a}ron', Name("Aäron", "van den", "Oord")),
        ("Ludwig van Beethoven", Name("Ludwig", "van", "Beethoven")),
        (
            "Charles Louis Xavier Joseph de la Vall{\\'e}e Poussin",
            Name("Charles Louis Xavier Joseph", "de la", "Vallée Poussin"),
        ),
        ("King, Jr., Martin Luther", Name("Martin Luther", "", "King", "Jr.")),
        ("{The LIGO Collaboration}", Name("", "", "The LIGO Collaboration")),
        ("{Barnes and Noble}", Name("", "", "Barnes and Noble")),
        ("{van} Halen", Name("van", "", "Halen")),
        ("d'Alembert, Jean", Name("Jean", "", "d'Alembert")),
        ("Plato", Name("", "", "Plato")),
    ],
)
def test_names(write: Write, written: str, name: Name) -> None:
    entry = one(write(f"@misc{{a, author = {{{written} and others}}, title={{A}}, year=2001}}"))
    assert entry.authors == (name,)
    assert entry.and_others


@pytest.mark.parametrize(
    ("given_names", "initials"),
    [("Geoffrey E.", "G. E."), ("Jean-Luc", "J.-L."), ("周", "周."), ("", ""), ("Abdel-rahman", "A.-r.")],
)
def test_initials(given_names: str, initials: str) -> None:
    assert Name(given_names, "", "X").initials == initials


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"L{\'e}on M\"uller {\L}ukasz M{\k{a}}dry", "Léon Müller Łukasz Mądry"),
        (r"\'{\i} \v{s} \c c Erd{\H o}s na\"{\i}ve \~n \ss{} \o re {\ss}", "í š ç Erdős naïve ñ ß øre ß"),
        (r"50\% of R\&D, 50% more \$5 a\_b \#1", "50% of R&D, 50% more $5 a_b #1"),
        (r"\emph{x} \textbf{y} \url{http://a/%20b_c} \href{http://x}{shown}", "x y http://a/%20b_c shown"),
        ("1--2, a---b, c~d", "1–2, a—b, c d"),
        (r"{ImageNet} with $\alpha_{1}^2$ and \LaTeX", r"ImageNet with $\alpha_{1}^2$ and LaTeX"),
        ("two\n   lines", "two lines"),
        ("plain", "plain"),
    ],
)
def test_latex(latex: str, text: str) -> None:
    assert decode_latex(latex) == text


# Looking up and citing


@pytest.mark.parametrize(
    ("key", "guess"),
    [
        ("lecun1998gradent", "lecun1998gradient"),
        ("lecun98", "lecun1998gradient"),
        ("LeCun1998Gradient", "lecun1998gradient"),
    ],
)
def test_a_wrong_key_is_guessed(works: Bibliography, key: str, guess: str) -> None:
    with pytest.raises(UserError, match=rf"No entry '{key}' in references\.bib; did you mean '{guess}'.*\?$"):
        works.find(key)


def test_a_key_like_no_other_is_not_guessed(works: Bibliography) -> None:
    with pytest.raises(UserError, match=r"No entry 'qqqq' in references\.bib\.$"):
        works.find("qqqq")


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("elman1990finding", "Elman, 1990"),
        ("simonyan2015very", "Simonyan & Zisserman, 2015"),
        ("lecun1998gradient", "LeCun et al., 1998"),
        ("oord2016wavenet", "van den Oord et al., 2016"),
        ("he2016deep", "He et al., 2016a"),
        ("he2016identity", "He et al., 2016b"),
        ("openai2021dalle", "Ramesh et al., 2021a"),
    ],
)
def test_labels(works: Bibliography, key: str, label: str) -> None:
    assert works.label(key) == label


LENET = (
    "LeCun, Y., Bottou, L., Bengio, Y., & Haffner, P. (1998). Gradient-Based Learning Applied to Document Recognition."
)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("text", f"{LENET} Proceedings of the IEEE, 86(11), 2278–2324. https://doi.org/10.1109/5.726791"),
        ("markdown", f"{LENET} *Proceedings of the IEEE*, *86*(11), 2278–2324. <https://doi.org/10.1109/5.726791>"),
        (
            "html",
            LENET.replace("&", "&amp;")
            + " <em>Proceedings of the IEEE</em>, <em>86</em>(11), 2278–2324. "
            + '<a href="https://doi.org/10.1109/5.726791">https://doi.org/10.1109/5.726791</a>',
        ),
        ("key", "[@lecun1998gradient]"),
    ],
)
def test_an_article_in_every_style(works: Bibliography, style: str, text: str) -> None:
    assert format_entry(works.find("lecun1998gradient"), style) == text


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("goodfellow2016deep", "Courville, A. (2016). Deep Learning. MIT Press. https://www.deeplearningbook.org/"),
        ("oord2016wavenet", "(2016). WaveNet: A Generative Model for Raw Audio. arXiv:1609.03499. https://arxiv.org/"),
        ("krizhevsky2009learning", "from Tiny Images. University of Toronto. https://www.cs.toronto.edu/~kriz/"),
        ("krizhevsky2012imagenet", "In F. Pereira, C. J. C. Burges, L. Bottou, & K. Q. Weinberger (Eds.), Advances in"),
        ("he2016deep", "Recognition (CVPR) (pp. 770–778). https://doi.org/10.1109/CVPR.2016.90"),
        ("santurkar2018how", "Help Optimization? In Advances in"),
        ("oord2018parallel", "King, H., … Hassabis, D. (2018)"),
        ("openai2021dalle", "Gray, S., et al. (2021). DALL·E: Creating Images from Text. OpenAI Blog. 5 January 2021."),
        ("chm2025alexnet", "Computer History Museum, Krizhevsky, A., Sutskever, I., & Hinton, G. E. (2025)."),
    ],
)
def test_other_kinds_of_works(works: Bibliography, key: str, part: str) -> None:
    assert part in format_entry(works.find(key), "text")


def test_unverified_fields_are_told_and_an_unchecked_doi_is_not_preferred(works: Bibliography) -> None:
    entry = works.find("isola2017image")
    assert entry.unverified == ("pages", "doi")
    assert entry.link == "https://arxiv.org/abs/1611.07004"
    printed = format_entry(entry, "bibtex")
    assert printed.startswith("% not checked against a source: pages, doi\n@inproceedings{isola2017image,\n")
    assert "unverified" not in printed


def test_csl_json(works: Bibliography) -> None:
    item = json.loads(format_entry(works.find("oord2018parallel"), "csl-json"))
    assert item["type"] == "paper-conference"
    assert item["author"][0] == {"family": "Oord", "given": "Aäron", "non-dropping-particle": "van den"}
    assert (item["page"], item["issued"]) == ("3918-3926", {"date-parts": [[2018]]})
    assert json.loads(format_entry(works.find("lecun1998gradient"), "csl-json"))["issued"] == {
        "date-parts": [[1998, 11]]
    }
    museum = json.loads(format_entry(works.find("chm2025alexnet"), "csl-json"))
    assert museum["author"][0] == {"literal": "Computer History Museum"}


def test_a_style_that_there_is_not(works: Bibliography) -> None:
    with pytest.raises(UserError, match="No citation style 'mla'; there are text, markdown, html,"):
        format_entry(works.find("elman1990finding"), "mla")


def test_a_title_cannot_break_out_of_its_style(write: Write) -> None:
    entry = one(write("@misc{a, title={<b> *x* [y](z) $ @k}, year=2001}"))
    assert format_entry(entry, "html").startswith("<em>&lt;b&gt; *x*")
    assert format_entry(entry, "markdown").startswith(r"*\<b\> \*x\* \[y\](z) \$ \@k*")


# Who cites what


@pytest.mark.parametrize(
    ("inside", "works_cited"),
    [
        ("@a", [("a", "")]),
        ("@a; @b", [("a", ""), ("b", "")]),
        ("@a, Sec. III-B, Fig. 5; @b:c/d.e", [("a", "Sec. III-B, Fig. 5"), ("b:c/d.e", "")]),
        ("@a,\n   Sec.\n 2", [("a", "Sec. 2")]),
        ("@", None),
        ("@a @b", None),
        ("@a; b", None),
        ("@a,", None),
        ("@a;", None),
    ],
)
def test_citations_are_read(inside: str, works_cited: list[tuple[str, str]] | None) -> None:
    assert bibliography.parse_citation(inside) == works_cited


PAGE = """\
# A page

First [@a], then [@b, Sec. 2;
@a]. Not `[@no]`, not ``[@no] ` ``, not \\[@no], not me@a.org, not [@no](link.md).

```python
[@no]
```

~~~
[@no]
~~~
Last [@a, p. 3].
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "references.bib": "@misc{a, title={A}, year={2001}}\n@misc{b, title={B}, year={2002}}",
        "docs/page.md": PAGE,
        "papers/toy/summary.md": "[@b]\n",
        "papers/toy/paper.toml": 'key = "a"\nbuilds_on = ["b"]\n[[claims]]\nid = "T1"\nreason = "See [@b, Sec. 4]."\n',
        "implementations/toy/model.py": '"""A model [@a, Eq. 1]."""\n\nx = y[a, 1]  # [a, Table II]\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_every_place_that_cites_is_found(tree: Path) -> None:
    works = bibliography.load(tree / "references.bib")
    found = [
        (c.path.as_posix(), c.line, c.key, c.locator, c.kind, c.context) for c in bibliography.citations(tree, works)
    ]
    assert found == [
        ("docs/page.md", 3, "a", "", "page", ""),
        ("docs/page.md", 3, "b", "Sec. 2", "page", ""),
        ("docs/page.md", 3, "a", "", "page", ""),
        ("docs/page.md", 13, "a", "p. 3", "page", ""),
        ("implementations/toy/model.py", 1, "a", "Eq. 1", "code", ""),
        ("implementations/toy/model.py", 3, "a", "Table II", "code", ""),
        ("papers/toy/paper.toml", 1, "a", "", "data", "key"),
        ("papers/toy/paper.toml", 2, "b", "", "data", "builds_on"),
        ("papers/toy/paper.toml", 5, "b", "Sec. 4", "data", "claims T1"),
        ("papers/toy/summary.md", 1, "b", "", "page", ""),
    ]
    assert {citation.key for citation in works.cited_by("b", tree)} == {"b"}
    with pytest.raises(UserError, match="No entry 'c'"):
        works.cited_by("c", tree)


def test_the_paper_is_cited_by_its_own_code(works: Bibliography) -> None:
    kinds = {citation.kind for citation in works.cited_by("lecun1998gradient")}
    assert {"code", "data"} <= kinds


def test_pages_beside_an_installed_package_are_not_ours(tree: Path) -> None:
    (tree / "references.bib").unlink()
    assert all(citation.path.parts[0] != "docs" for citation in bibliography.citations(tree))
