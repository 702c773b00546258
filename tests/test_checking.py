from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers import catalog, checking, evidence, numbers
from papers.errors import Problem, UserError
from papers.evidence import Record

ROOT = Path(__file__).resolve().parent.parent

PAPER = """\
key = "lecun1998gradient"
name = "Toy"
tagline = "Small enough to break [@lecun1989backpropagation]."
builds_on = ["lecun1989backpropagation"]

[[claims]]
id = "T1"
statement = "It has 1,516 parameters."
where = "Sec. 2"
source = "arithmetic"
experiment = "train"
scale = "smoke"
reason = "A count is exact."
criteria = [{ metric = "parameters", paper = 1516, low = 1516, high = 1516 }]

[[claims]]
id = "T2"
statement = "The error is low."
where = "Fig. 3"
source = "verified"
experiment = "train"
scale = "small"
reason = "The paper's value and twice its standard error."
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
criteria = [{ metric = "letters", paper = 1000000 }]

[[experiments]]
name = "train"
title = "Training"
what = "Trains."
[experiments.scales]
smoke = { data = [], seeds = 1, duration = "a second", shows = "that it trains", cannot_show = "the error" }
small = { data = [], seeds = 3, duration = "a minute", shows = "the error", cannot_show = "nothing" }
[experiments.settings.rate]
meaning = "learning rate"
question = "rate"
values = { smoke = 0.5, small = 0.5 }
departures = { smoke = "fast" }

[[departures]]
id = "fast"
what = "a"
paper = "b"
where = "c"
why = "d"
effect = "e"

[[departures]]
id = "codes"
what = "a"
paper = "b"
where = "c"
why = "d"
effect = "e"

[[questions]]
id = "rate"
question = "a?"
where = "b"
assumed = "c"
effect = "d"
"""

SUMMARY = """\
# Toy

## In short
It has {=T1.paper} parameters [@lecun1998gradient, Sec. 2] and errs in {=T2.error.here} of cases.

## The idea
Since 1998, $A = 1.7159$ and `0.5` have been used, as in Sec. 3.2, Fig. 2.1 and Table 4.5, or Eqs. 5.1 and 5.2.

## Architecture
Two layers of 10 units on 28x28 pixels, see [the page](https://example.org/4.5%25), arXiv:1512.03385, version 2.13.0.

## Training
$$
0.95\\% \\cdot 3.14
$$

```
rate = 0.001
```

<!-- 99.2 % -->

## What others get wrong
### A sub-section about 4.5 %
1. Much.
2. More, on 2026-11-21 at 12:30.

## Reading on
[@lecun1989backpropagation; @lecun1998gradient]
"""

EXPERIMENTS = '''\
"""As in [@lecun1998gradient, Sec. 3] and [lecun1989backpropagation, Fig. 2]."""

from implementations.training.run import experiment


@experiment("train")
def train(run, config):
    return {}  # departure: codes
'''

FILES = {
    "papers/toy/paper.toml": PAPER,
    "papers/toy/summary.md": SUMMARY,
    "implementations/toy/__init__.py": "",
    "implementations/toy/model.py": "table = {}\ntable[0], table['x']\n",
    "implementations/toy/experiments.py": EXPERIMENTS,
    "implementations/training/run.py": "def experiment(name): ...\n",
    "tests/test_toy.py": "",
    "docs/papers/toy.md": "# Toy\n",
    "mkdocs.yml": "nav:\n  - papers/toy.md\n",
    "docs/contributing.md": "Cite as `[@key]`; see [@lecun1998gradient].\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "references.bib", tmp_path)
    return tmp_path


def found(project: Path, slug: str | None = None) -> list[tuple[str, int | None, str]]:
    problems = checking.check(project / "papers", slug)
    return [(place(problem, project), problem.line, problem.message) for problem in problems]


def place(problem: Problem, project: Path) -> str:
    assert problem.path is not None
    return problem.path.relative_to(project).as_posix()


def test_a_whole_project_has_nothing_wrong(project: Path) -> None:
    assert found(project) == []


def test_this_project_has_nothing_wrong() -> None:
    assert [str(problem) for problem in checking.check()] == []


# Each: the file, what is replaced, by what, where the problem must be, and what it must say. A line of None stands for
# a file that is missing, -1 for any line.
MISTAKES = [
    ("papers/toy/paper.toml", '"lecun1998gradient"', '"lecun1998gradent"', 1, "no entry `lecun1998gradent`"),
    ("papers/toy/paper.toml", '["lecun1989backpropagation"]', '["lecun1899x"]', 4, "no entry `lecun1899x`"),
    ("papers/toy/paper.toml", "[@lecun1989backpropagation]", "[@nobody2000x]", 3, "no entry `nobody2000x`"),
    ("papers/toy/paper.toml", 'name = "Toy"', "name = Toy", 2, "not valid TOML"),
    ("papers/toy/paper.toml", 'departures = { smoke = "fast" }\n', "", 50, "the departure `fast` is used nowhere"),
    ("papers/toy/paper.toml", 'question = "rate"\n', 'where = "x"\n', 67, "the question `rate` is used nowhere"),
    ("papers/toy/paper.toml", "paper = 1516, low", "paper = 1517, low", 14, "own value 1,517 is not accepted"),
    ("papers/toy/paper.toml", "high = 5.0, seeds = 3", "high = 5.0, seeds = 4", 25, "asks for 4 seeds, but the exp"),
    ("implementations/toy/experiments.py", "departure: codes", "departure: codes-2", 59, "`codes` is used nowhere"),
    ("papers/toy/summary.md", "## In short", "## Short", None, "the section `In short` is missing"),
    ("papers/toy/summary.md", "1. Much.\n2. More, on 2026-11-21 at 12:30.\n", "", 23, "others get wrong` is empty"),
    ("papers/toy/summary.md", "[@lecun1998gradient, Sec. 2]", "[@lecun1998gradent]", 4, "no entry `lecun1998grad"),
    ("papers/toy/summary.md", "[@lecun1998gradient, Sec. 2]", "[@lecun1998gradient and]", 4, "is not a citation"),
    ("papers/toy/summary.md", "{=T1.paper}", "{=T9.paper}", 4, "refers to no claim or experiment of toy"),
    ("papers/toy/summary.md", "{=T2.error.here}", "{=T2.here}", 4, "several metrics; name one, as {=T2.error.here}"),
    ("papers/toy/summary.md", "{=T2.error.here}", "{=T2.eror.here}", 4, "no metric `eror`; did you mean `error`?"),
    ("papers/toy/summary.md", "{=T1.paper}", "1,516", 4, "number typed by hand: 1,516; write {=T1.paper}"),
    ("papers/toy/summary.md", "{=T1.paper}", "1516", 4, "number typed by hand: 1516; write {=T1.paper}"),
    ("papers/toy/summary.md", "{=T1.paper}", "4.5 %", 4, "number typed by hand: 4.5 %; write {=T2.error.paper}"),
    ("papers/toy/summary.md", "{=T1.paper}", "99%", 4, "number typed by hand: 99%; refer to"),
    ("papers/toy/summary.md", "{=T1.paper}", "12 percent", 4, "number typed by hand: 12 percent"),
    ("papers/toy/summary.md", "{=T1.paper}", "(0.731)", 4, "number typed by hand: 0.731"),
    ("papers/toy/summary.md", "{=T1.paper}", "x.\nIt is 99.2 there", 5, "number typed by hand: 99.2"),
    ("papers/toy/summary.md", "{=T1.paper}", "1,000,000", 4, "write {=T3.paper}"),
    ("implementations/toy/model.py", "table", "", None, "the file is missing"),
    ("implementations/toy/experiments.py", '"train"', '"trian"', 7, "`trian` is not in toy's paper.toml; did you mean"),
    ("implementations/toy/experiments.py", "def train(", "def train", -1, "not valid Python"),
    ("implementations/toy/experiments.py", "training.run", "training.rnu", 3, "does not exist"),
    ("implementations/toy/experiments.py", "lecun1989backprop", "lecun1989bckprop", 1, "no entry `lecun1989bck"),
    ("implementations/toy/experiments.py", "@lecun1998gradient", "@lecun1998g", 1, "no entry `lecun1998g`"),
    ("implementations/training/run.py", "def", "# [@nobody2000x]\ndef", 1, "no entry `nobody2000x`"),
    ("docs/contributing.md", "[@lecun1998gradient]", "[@lecun]", 1, "no entry `lecun`"),
    ("docs/papers/toy.md", "# Toy", "", None, "every paper has a page"),
    ("mkdocs.yml", "toy.md", "tyo.md", None, "the navigation does not name the page papers/toy.md"),
    ("tests/test_toy.py", "", "", None, "every paper has tests"),
    ("references.bib", "@article{lecun1998gradient,", "@article{lecun1998gradient", -1, ""),
    ("papers/toy/summary.md", "Two layers", "FILL IN: say it", 10, "incomplete: say it"),
    ("papers/toy/paper.toml", '"A count is exact."', '"FILL IN: why"', 13, "incomplete: reason: why"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "line", "message"), MISTAKES)
def test_a_mistake_is_found_where_it_is(
    project: Path, name: str, old: str, new: str, line: int | None, message: str
) -> None:
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    if new == old or (line is None and not new):
        path.unlink()
    else:
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    problems = found(project)
    expected = "papers/toy/paper.toml" if "used nowhere" in message else name
    fitting = [problem for problem in problems if problem[0] == expected and message in problem[2]]
    assert fitting, problems
    assert line in (-1, *(problem[1] for problem in fitting))


def test_an_experiment_that_is_only_in_the_data(project: Path) -> None:
    path = project / "implementations/toy/experiments.py"
    path.write_text(EXPERIMENTS.replace('@experiment("train")\n', ""))
    [(name, line, message)] = found(project)
    assert (name, line) == ("papers/toy/paper.toml", 38)
    assert message.startswith("the experiment `train` is not implemented")
    assert message.endswith('decorated @experiment("train")')


def test_bytes_that_are_no_text(project: Path) -> None:
    for name in ("papers/toy/summary.md", "implementations/toy/model.py", "docs/contributing.md"):
        (project / name).write_bytes(b"\n\xff")
    unreadable = {name for name, line, message in found(project) if "not UTF-8" in message and line == 2}
    assert unreadable == {"papers/toy/summary.md", "implementations/toy/model.py", "docs/contributing.md"}


def test_a_folder_that_lost_its_paper(project: Path) -> None:
    (project / "papers/lost").mkdir()
    (project / "papers/lost/summary.md").write_text("# Lost\n")
    assert [(name, line) for name, line, _ in found(project)] == [("papers/lost/paper.toml", None)]


def test_only_one_paper_is_looked_at(project: Path) -> None:
    shutil.copytree(project / "papers/toy", project / "papers/two")
    assert found(project, "toy") == []
    assert "implementations/two/model.py" in {name for name, _, _ in found(project, "two")}
    with pytest.raises(UserError, match="there is no paper `toyy`; did you mean `toy`"):
        checking.check(project / "papers", "toyy")


def test_everything_comes_at_once(project: Path) -> None:
    for name, old, new, _, message in MISTAKES:
        if message.startswith(("no entry", "number typed", "incomplete")):
            path = project / name
            path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert len(found(project)) >= 10


def test_an_installed_package_is_not_asked_for_tests_and_pages(project: Path) -> None:
    shutil.rmtree(project / "tests")
    shutil.rmtree(project / "docs")
    assert len(found(project)) == 2
    (project / "references.bib").unlink()
    assert found(project) == []


# Records


def write_record(project: Path, **metrics: list[float]) -> Record:
    content: dict[str, object] = {
        "schema": 1, "paper": "toy", "experiment": "train", "scale": "small", "seeds": [0, 1, 2], "device": "cpu",
        "created": "2026-11-21T12:00:00+00:00", "status": "finished", "data": [], "environment": {}, "cost": {},
        "settings": {"rate": {"value": 0.5, "source": "question: rate"}},
        "code": {"version": "1", "fingerprint": "f", "files": {}}, "result": {"metrics": metrics},
    }  # fmt: skip
    return evidence.write_record(content, project / "run" / "record.json")


def test_records_that_do_not_verify_are_found(project: Path) -> None:
    record = write_record(project, error=[4.0, 4.1, 4.2], gain=[1, 1, 1], parameters=[1516])
    assert record.path is not None
    published = evidence.publish(record.path, directory=project / "papers")
    assert found(project) == []
    published.write_text(published.read_text().replace("4.1", "1.1"))
    [(name, _, message)] = found(project)
    assert name == "papers/toy/records/train-small-20261121.json"
    assert "was changed after it was written" in message


def test_a_record_without_the_metric_of_a_claim_is_found(project: Path) -> None:
    record = write_record(project, error=[4.0, 4.1, 4.2], parameters=[1516])
    assert record.path is not None
    evidence.publish(record.path, directory=project / "papers")
    [(name, line, message)] = found(project)
    assert (name, line) == ("papers/toy/paper.toml", 16)
    assert "claim T2 cannot be judged: the record train-small-20261121.json has no metric `gain`" in message


# Numbers in prose


@pytest.fixture
def paper(project: Path) -> catalog.Paper:
    return catalog.load("toy", project / "papers")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{=T1.paper}", "1,516"),
        ("{= T1.paper }", "1,516"),
        ("a {=T2.error.paper} b {=T1.verdict} c", "a 4.5 % b reproduced c"),
        ("{=T2.error.here}", "4.10 ± 0.25 %"),
        ("{=T2.error.accepted}", "0 to 5 %"),
        ("{=T2.error.verdict} {=T2.verdict}", "reproduced reproduced"),
        ("{=T3.here} {=T3.paper} {=T3.verdict}", "out of reach 1,000,000 out of reach"),
        ("{=train.error}", "4.10 ± 0.25 %"),
        ("{=train.unclaimed}", "7"),
        ("`{=T1.paper}` and {==marked==} and {=T1.paper}", "`{=T1.paper}` and {==marked==} and 1,516"),
        ("```\n{=T9.x}\n```\n{=T1.paper}", "```\n{=T9.x}\n```\n1,516"),
        ("", ""),
    ],
)
def test_references_become_numbers(project: Path, paper: catalog.Paper, text: str, shown: str) -> None:
    record = write_record(project, error=[4.0, 4.1, 4.2], gain=[1, 1, 1], parameters=[1516], unclaimed=[7])
    assert numbers.resolve(text, paper, [record]) == shown


def test_without_records_it_says_so(paper: catalog.Paper) -> None:
    text = "{=T1.here}, {=T2.gain.here}, {=train.error}, {=train.anything}, {=T1.verdict}"
    assert numbers.resolve(text, paper, []) == ", ".join(["not run yet"] * 4) + ", inconclusive"


def test_the_highest_scale_and_newest_record_gives_the_number(project: Path, paper: catalog.Paper) -> None:
    import dataclasses

    old = write_record(project, error=[1, 1, 1])
    new = dataclasses.replace(write_record(project, error=[2, 2, 2]), created="2026-12-01T00:00:00Z")
    smoke = dataclasses.replace(write_record(project, error=[3, 3, 3]), created="2026-12-02T00:00:00Z", scale="smoke")
    assert numbers.look_up("train.error", paper, [old, new, smoke]) == "2 %"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("T9.paper", "refers to no claim or experiment"),
        ("T1", "is not a reference to a claim; write one of {=T1.paper}"),
        ("T1.papr", "is not a reference to a claim"),
        ("T1.parameters.here.now", "is not a reference to a claim"),
        ("T2.gain.paper", "gives no value of the paper for `gain`"),
        ("train", "must name one metric of the experiment"),
        ("train.error.here", "must name one metric of the experiment"),
        ("train.eror", "has no metric `eror`; did you mean `error`?"),
        ("🙂", "refers to no claim or experiment"),
    ],
)
def test_references_to_nothing_are_named_with_their_line(
    project: Path, paper: catalog.Paper, name: str, message: str
) -> None:
    record = write_record(project, error=[4.0, 4.1, 4.2])
    with pytest.raises(UserError) as caught:
        numbers.resolve(f"one\n\n`code` {{={name}}} {{=T1.paper}} and\n{{={name}}}", paper, [record], Path("page.md"))
    assert [problem.line for problem in caught.value.problems] == [3, 4]
    assert message in caught.value.problems[0].message
    assert str(caught.value).startswith("page.md:3: ")


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("{=}T1.paper`\n$ %9"), max_size=40))
def test_odd_text_is_left_alone_or_refused(text: str) -> None:
    paper = catalog.Paper("k", "n", "t", (), slug="toy")
    if list(numbers.references(text)):
        with pytest.raises(UserError):
            numbers.resolve(text, paper, [])
    else:
        assert numbers.resolve(text, paper, []) == text


def test_tables_are_plain_data(project: Path, paper: catalog.Paper) -> None:
    record = write_record(project, error=[4.0, 4.1, 4.2])
    json.dumps(evidence.verdict_table(paper, [record]), allow_nan=False)
