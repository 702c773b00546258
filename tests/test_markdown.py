"""The extensions by themselves, in plain Python-Markdown: no site, no MkDocs."""

from __future__ import annotations

import json
import logging
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html import unescape
from pathlib import Path

import markdown
import pytest
from toy_project import make_project, make_record

from papers.errors import UserError
from papers.evidence import write_record
from papers.markdown.mathematics import to_mathml
from papers.markdown.svg import Line, axis, line_chart, number

Render = Callable[..., str]

MODEL = '''\
"""The network [@rumelhart1986learning, Sec. 2, Eq. 9]."""

SLOPE = 2  # [rumelhart1986learning, Eq. 10]
x = "<b>" if SLOPE else "$x$ [@nokey] **not bold**"
'''

EXTRA = """
[[symbols]]
symbol = "\\\\alpha_1"
meaning = "the slope of *f*"
code = "model.py: SLOPE"
where = "Eq. 10"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project with a model, a symbol, two published records and curves."""
    root = make_project(tmp_path_factory.mktemp("project"))
    (root / "implementations/toy/model.py").write_text(MODEL, encoding="utf-8")
    with (root / "papers/toy/paper.toml").open("a", encoding="utf-8") as file:
        file.write(EXTRA)
    publish(root, make_record(root, "count", "smoke", {"parameters": [7]}))
    publish(root, make_record(root, "train", "small", {"error": [4.0, 4.2]}))
    return root


def publish(root: Path, run: Path) -> None:
    record = json.loads(run.read_text(encoding="utf-8"))
    if record["experiment"] == "train":
        series = [
            {"arm": "with_trick", "seed": seed, "points": [[1, 9.0 + seed], [2, None], [3, 4.0 + seed]]}
            for seed in (0, 1)
        ]
        series.append({"arm": "without", "seed": 0, "points": [[1, 12], [3, 8]]})
        record["result"]["curves"] = {"error": {"x": "pass", "y": "test error (%)", "series": series}}
    write_record(record, root / "papers/toy/records" / f"{record['experiment']}.json")
    from papers import catalog, evidence

    evidence.write_verdicts(catalog.load("toy", root / "papers"))


@pytest.fixture
def render(project: Path) -> Render:
    def convert(text: str, *others: str, **options: object) -> str:
        extensions = ["papers.markdown", "tables", "fenced_code", *others]
        settings = {"papers.markdown": {"root": str(project), "strict": True} | options}
        return markdown.markdown(text, extensions=extensions, extension_configs=settings)

    return convert


def tree(html: str) -> ET.Element:
    """Parse the result: whatever the extensions write is well-formed."""
    return ET.fromstring(f"<body>{with_characters(html)}</body>")


def with_characters(html: str) -> str:
    """Replace HTML's named characters, which XML does not know."""
    return re.sub(r"&(?!lt;|gt;|amp;|quot;)[A-Za-z]+;", lambda entity: unescape(entity[0]), html)


def words(html: str) -> str:
    return " ".join("".join(tree(html).itertext()).split())


# Citations


def test_a_citation_is_linked_and_described(render: Render) -> None:
    html = render("As in [@lecun1998gradient, Sec. III-B].")
    assert words(html) == "As in (LeCun et al., 1998, Sec. III-B)."
    (link,) = tree(html).iter("a")
    assert link.get("href") == "/references.md#ref-lecun1998gradient"
    assert (link.get("aria-description") or "").startswith("LeCun, Y., Bottou, L., Bengio, Y., & Haffner, P. (1998).")


def test_several_works_stand_in_one_bracket(render: Render) -> None:
    html = render("[@he2016deep; @he2016identity, Fig. 1; @elman1990finding]", references="refs.html")
    assert words(html) == "(He et al., 2016a; He et al., 2016b, Fig. 1; Elman, 1990)"
    assert [link.get("href") for link in tree(html).iter("a")] == [
        "refs.html#ref-he2016deep",
        "refs.html#ref-he2016identity",
        "refs.html#ref-elman1990finding",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "`[@nokey]`",
        "``a ` [@nokey]``",
        "    [@nokey]",
        "```\n[@nokey] $\\foo$ {=L1.x}\n[[foo:bar]]\n\n[[paper:nopaper]]\n```",
        "\\[@nokey]",
        "write to me@nokey.org",
        "<me@nokey.org>",
        "[@nokey](https://a.org)",
    ],
)
def test_what_is_no_citation_stays(render: Render, text: str) -> None:
    assert "problem" not in render(text)
    assert "citation" not in render(text)


def test_a_citation_may_stand_in_a_table_and_in_emphasis_and_break_across_lines(render: Render) -> None:
    html = render("| a |\n|---|\n| [@elman1990finding] |\n\n*see [@elman1990finding,\nSec. 2]*")
    assert words(html) == "a (Elman, 1990) see (Elman, 1990, Sec. 2)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("One\n\ntwo [@nokey]", "3: No entry 'nokey' in references.bib."),
        ("[@lecun1998gradent]", "1: No entry 'lecun1998gradent' in references.bib; did you mean 'lecun1998gradient'"),
        ("`[@nokey]`\n\n[@elman1990finding; @nokey, Sec. 2]", "3: No entry 'nokey'"),
        ("[@a @b]", "1: Cannot read the citation [@a @b]; write [@key] or [@key, Sec. 2; @other]."),
        ("x\n$\\frac{$", "2: Cannot read the formula \\frac{: "),
        ("x\n\n$$\na = \\foo\n$$", "4: Cannot read the formula a = \\foo: "),
        ("x {=T1.here}", "1: {=T1.here} does not say which paper it means; write {=slug/T1.here}."),
        ("{=toy/T9.here}", "1: {=T9.here} refers to no claim or experiment of toy"),
        ("{=tpy/T1.here}", "1: there is no paper `tpy`"),
        ("[[claims:tpy]]", "1: there is no paper `tpy`"),
        ("[[claims]]", "1: [[claims]] names no paper; write [[claims:slug]]."),
        ("[[clams:toy]]", "1: There is no block [[clams:toy]]"),
        ("[[paper:tpy]]", "1: there is no paper `tpy`"),
        ("[[include:no.md]]", "no.md: the file is missing"),
    ],
)
def test_a_mistake_is_named_with_its_line(render: Render, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        render(text)
    assert str(caught.value.problems[0]).startswith(message)


def test_unless_strict_every_mistake_is_a_warning_and_marked(render: Render, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="mkdocs.papers"):
        html = render("[@nokey] and $\\foo$\n\n[@nokey]\n\n[[claims:tpy]]", strict=False)
    assert html.count('class="problem"') == 4
    assert sorted(re.sub(r":.*", "", message) for message in caplog.messages) == ["1", "1", "3", "5"]


def test_a_converter_can_be_used_again(project: Path) -> None:
    converter = markdown.Markdown(
        extensions=["papers.markdown"], extension_configs={"papers.markdown": {"root": str(project), "strict": True}}
    )
    converter.convert("[[summary:toy]]")
    converter.reset()
    with pytest.raises(UserError, match="does not say which paper"):
        converter.convert("{=T1.here}")


# Mathematics


def test_formulas_become_mathml(render: Render) -> None:
    html = render("Let $x^2 < y_*a*b$.\n\n$$\n\\sum_{i=1}^n x_i\n$$\n\nEnd.")
    found = tree(html)
    inline, block = found.iter("math")
    assert (inline.get("display"), block.get("display")) == (None, "block")
    assert [part.tag for part in inline] == ["msup", "mo", "msub", "mi", "mo", "mi"]
    assert found.find("div[@class='formula']/math") is block
    assert found.find(".//em") is None


def test_a_block_formula_may_follow_text_without_a_blank_line(render: Render) -> None:
    found = tree(render("Before\n$$x$$\nafter."))
    assert [part.tag for part in found] == ["p", "div", "p"]


@pytest.mark.parametrize(
    "text", ["It costs $5 and $6.", "US$ 5 and $ 6", r"\$x\$", "`$x$`", "a $$ b", "from $5-$10", "    $x$"]
)
def test_money_is_no_formula(render: Render, text: str) -> None:
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    "latex",
    [
        r"f(a) = A \tanh(S a)",
        r"E = \frac{1}{P} \sum_{p=1}^{P} \left( y_{D^p} + \log\left( e^{-j} + \sum_i e^{-y_i} \right) \right)",
        r"\sum_{\substack{i=1 \\ i \neq j}}^n \hat{x}_i",
        r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\theta \in \mathbb{R}^{n \times d}, \; \nabla_\theta \mathcal{L}, \; \operatorname{softmax}(QK^\top)",
    ],
)
def test_the_formulas_of_papers_can_be_written(latex: str) -> None:
    assert ET.fromstring(with_characters(to_mathml(latex, block=True))).tag == "math"


@pytest.mark.parametrize("latex", [r"\foo", r"\frac{", "x^^2", " ", r"\begin{aligned} x", "{"])
def test_a_bad_formula_is_refused(latex: str) -> None:
    with pytest.raises(UserError):
        to_mathml(latex)


def test_a_formula_alone_in_a_paragraph_stays_a_paragraph(render: Render) -> None:
    assert tree(render("$x$")).find("p/span/math") is not None


# Numbers


def test_numbers_come_from_the_data_and_lead_to_their_claim(render: Render) -> None:
    html = render("Paper {=T2.paper}, here {=T2.here}, {=T1.verdict}, {=train.error}.", paper="toy")
    assert words(html) == "Paper 4.5 %, here 4.1 ± 1.3 %, reproduced, 4.1 ± 1.3 %."
    assert [a.get("href") for a in tree(html).iter("a")] == ["#T2", "#T2", "#T1", "#experiment-train"]
    elsewhere = tree(render("{=toy/T2.paper}")).find(".//a")
    assert elsewhere is not None
    assert elsewhere.get("href") == "/papers/toy.md#T2"


# Blocks


def test_the_claim_table_shows_value_rule_verdict_reason_and_receipt(render: Render) -> None:
    found = tree(render("[[claims:toy]]"))
    bodies = {
        body.get("id"): " ".join("".join(f"{t} " for t in body.itertext()).split()) for body in found.iter("tbody")
    }
    assert list(bodies) == ["T1", "T2", "T3"]
    assert "T1 The network has seven parameters." in bodies["T1"]
    assert "Sec. 2" in bodies["T1"]
    assert "the paper's value is arithmetic" in bodies["T1"]
    assert "7 exactly 7 7 reproduced" in bodies["T1"]
    assert "The rule: It is a count, so it is exact." in bodies["T1"]
    assert "at scale smoke, 1 seed, 1 second on cpu, 2026-11-21, version 0.1.0." in bodies["T1"]
    assert "4.5 % at most 5 % 4.1 ± 1.3 % inconclusive" in bodies["T2"]
    assert "reaches across a bound" in bodies["T2"]
    assert "out of reach" in bodies["T3"]
    assert "The letters are private." in bodies["T3"]
    assert "stale" not in bodies["T2"]


def test_a_record_whose_code_changed_is_marked_stale(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    experiments = root / "implementations/toy/experiments.py"
    experiments.write_text(experiments.read_text(encoding="utf-8").replace("4.0 +", "3.0 +"), encoding="utf-8")
    options = {"papers.markdown": {"root": str(root)}}
    html = markdown.markdown("[[claims:toy]]", extensions=["papers.markdown"], extension_configs=options)
    assert "stale: the code has changed since: implementations/toy/experiments.py" in words(html)


def test_an_edited_record_is_a_problem_of_the_page(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root)
    record = root / "papers/toy/records/train.json"
    record.write_text(record.read_text(encoding="utf-8").replace("4.2", "3.2"), encoding="utf-8")
    options = {"papers.markdown": {"root": str(root), "strict": True}}
    with pytest.raises(UserError, match=r"^papers/toy/records/train\.json: the record was changed"):
        markdown.markdown("[[claims:toy]]", extensions=["papers.markdown"], extension_configs=options)


def test_settings_lead_to_what_explains_them(render: Render) -> None:
    html = render("[[settings:toy]]\n\n[[departures:toy]]\n\n[[questions:toy]]")
    assert "passes passes over the training set 20 1 20 Sec. 3 departure short" in re.sub(
        r"\s+", " ", " ".join(tree(html).itertext())
    )
    anchors = {part.get("id") for part in tree(html).iter()}
    assert {link.get("href", "")[1:] for link in tree(html).iter("a")} <= anchors
    assert "Twenty passes. (Sec. 3)" in words(html)
    assert "At random." in words(html)


def test_symbols_are_formulas_linked_to_the_code(render: Render) -> None:
    found = tree(render("[[symbols:toy]]\n\n[[code:toy]]"))
    assert found.find(".//th//math") is not None
    (link,) = [a for a in found.iter("a") if "SLOPE" in "".join(a.itertext()) and (a.get("href") or "").startswith("#")]
    assert link.get("href") == "#model.py-3"
    assert "model.py-3" in {part.get("id") for part in found.iter()}
    assert found.find(".//td/em") is not None


def test_the_comparison_and_the_commands(render: Render) -> None:
    text = words(render("[[comparison:toy]]\n\n[[reproduce:toy]]\n\n[[header:toy]]\n\n[[cards]]"))
    assert "a step" in text
    assert "papers reproduce toy --scale small" in text
    assert "Rumelhart, D. E., Hinton, G. E., & Williams, R. J. (1986)." in text
    assert "1 reproduced1 inconclusive1 out of reach" in text


def test_sections_of_the_paper_lead_to_lines_of_code(render: Render) -> None:
    found = tree(render("[[code:toy]]"))
    listed = found.find("dl")
    assert listed is not None
    assert [("".join(part.itertext()).strip(), [a.get("href") for a in part]) for part in listed] == [
        ("Sec. 2", []),
        ("model.py:1", ["#model.py-1"]),
        ("Eq. 9", []),
        ("model.py:1", ["#model.py-1"]),
        ("Eq. 10", []),
        ("model.py:3", ["#model.py-3"]),
    ]
    code = "".join(found.findall(".//code")[-1].itertext())
    first = next(block for block in found.iter("details") if "model.py" in "".join(block.itertext()))
    assert "".join(first.findall("div//code")[0].itertext()) == MODEL
    assert "**not bold**" in MODEL
    assert code


def test_citations_in_the_listing_are_linked_and_nothing_else_is_rendered(render: Render) -> None:
    found = tree(render("[[code:toy]]"))
    hrefs = [a.get("href") for a in found.iter("a") if a.get("aria-description")]
    assert hrefs == ["/references.md#ref-rumelhart1986learning"]
    assert found.find(".//math") is None
    assert found.find(".//strong") is None


def test_the_references_page_lists_every_work_and_who_cites_it(render: Render) -> None:
    found = tree(render("[[references]]"))
    items = {item.get("id"): item for item in found.iter("li")}
    assert len(items) >= 50
    cited = items["ref-rumelhart1986learning"]
    assert "Not yet checked against a source: number, pages, doi, url." in words(ET.tostring(cited, encoding="unicode"))
    places = [
        ("".join(a.itertext()), a.get("href")) for a in cited.iter("a") if not (a.get("href") or "").startswith("http")
    ]
    code = [("1", "/papers/toy.md#model.py-1"), ("3", "/papers/toy.md#model.py-3")]
    assert places == [("Toy", "/papers/toy.md"), *code]
    assert "implementations/toy/model.py" in "".join(cited.itertext())
    assert "Cited by" not in "".join(items["ref-elman1990finding"].itertext())


# Curves


def test_curves_show_seeds_means_the_papers_value_and_the_data(render: Render) -> None:
    found = tree(render("[[curves:toy]]"))
    svg = found.find(".//svg")
    assert svg is not None
    classes = [path.get("class") for path in svg.iter("path") if path.get("class")]
    drawn = [name for name in classes if name != "grid"]
    # Two seeds and their mean, one line of one seed, the paper's value; then the legend.
    assert drawn == [
        "seed arm-0",
        "seed arm-0",
        "mean arm-0",
        "mean arm-1",
        "stated",
        "mean arm-0",
        "mean arm-1",
        "stated",
    ]
    text = [part.text for part in svg.iter("text")]
    assert {"with trick", "without", "the paper: 4.5", "pass", "test error (%)"} <= set(text)
    title, description = svg.find("title"), svg.find("desc")
    assert title is not None
    assert description is not None
    assert title.text == "Training: test error (%) over pass"
    assert description.text == (
        "with_trick, mean of 2 seeds, goes from 9.5 at 1 to 4.5 at 3. "
        "without goes from 12 at 1 to 8 at 3. The paper gives 4.5."
    )
    assert (svg.get("aria-labelledby") or "").split() == [title.get("id"), description.get("id")]
    cells = ["".join(cell.itertext()) for cell in found.findall(".//details//tbody/tr/*")]
    assert cells == ["1", "9", "10", "12", "3", "4", "5", "8"]


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0, 10], 0, 10),
        ([0.13, 0.87], 0.0, 1.0),
        ([3, 3], 1, 5),
        ([0, 0], -0.6, 0.6),
        ([-5, 95], -20, 100),
        ([1e-7, 3e-7], 1e-7, 3e-7),
        ([59_000, 61_234], 59_000, 61_500),
    ],
)
def test_an_axis_covers_its_values_with_round_ticks(values: list[float], low: float, high: float) -> None:
    made = axis(values)
    assert made.low <= min(values) <= max(values) <= made.high
    assert (made.low, made.high) == pytest.approx((low, high))
    assert 3 <= len(made.ticks) <= 9
    assert all(len(number(tick)) < 9 for tick in made.ticks)


def test_a_chart_is_the_same_every_time_and_escapes_its_words() -> None:
    def chart() -> str:
        return line_chart([Line([(0, 1.0), (1, 0.5)], "mean", "<a>")], "<t>", "&d", "x<", '"y"', "n")

    assert chart() == chart()
    assert ET.fromstring(chart()).tag == "svg"


def test_lines_lie_where_their_numbers_say() -> None:
    svg = ET.fromstring(line_chart([Line([(0, 0), (10, 10)], "mean arm-0")], "t", "d", "x", "y", "n"))
    (path,) = [p for p in svg.iter("path") if p.get("class") == "mean arm-0"]
    assert path.get("d") == "M58.0 274.0L508.0 12.0"


# The pages


def test_a_whole_page_is_one_line(render: Render) -> None:
    html = render("[[paper:toy]]", "toc")
    found = tree(html)
    assert [h.text for h in found.iter("h1")] == ["Toy"]
    sections = [
        "Claims",
        "Curves",
        "Run it yourself",
        "Settings",
        "The code",
        "Departures",
        "Open questions",
        "Symbols",
    ]
    assert [h.text for h in found.iter("h2")] == [*sections, "Side by side"]
    assert "A perceptron (Rumelhart et al., 1986, Sec. 2) with" in words(html)
    assert "of which the paper counts 7." in words(html)
    ids = [part.get("id") for part in found.iter() if part.get("id")]
    assert len(ids) == len(set(ids))


def test_a_paper_whose_name_has_a_hyphen_finds_its_package(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(project, root, ignore=shutil.ignore_patterns("records"))
    (root / "papers/toy").rename(root / "papers/toy-2")
    (root / "implementations/toy").rename(root / "implementations/toy_2")
    options = {"papers.markdown": {"root": str(root), "strict": True}}
    html = markdown.markdown(
        "[[code:toy-2]]\n\n[[symbols:toy-2]]\n\n[[references]]",
        extensions=["papers.markdown"],
        extension_configs=options,
    )
    found = tree(html)
    assert found.find("dl[@class='sections']") is not None
    assert {"#model.py-3", "/papers/toy-2.md#model.py-3"} <= {a.get("href") for a in found.iter("a")}


def test_a_file_can_be_included_with_its_links_set_right(project: Path, render: Render) -> None:
    text = "# Title\n\nSee [the plan](docs/plan.md#x), [the licence](LICENSE), [out](https://a.org) and [here](#x).\n"
    (project / "NOTE.md").write_text(text, encoding="utf-8")
    found = tree(render("[[include:NOTE.md]]"))
    assert [a.get("href") for a in found.iter("a")] == ["/plan.md#x", "https://a.org", "#x"]
    assert found.find("h1") is None


def test_the_real_paper_renders_without_a_problem() -> None:
    options = {"papers.markdown": {"strict": True}}
    html = markdown.markdown("[[paper:lenet]]", extensions=["papers.markdown", "tables"], extension_configs=options)
    assert 'id="L18"' in html
