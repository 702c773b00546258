from __future__ import annotations

import dataclasses
import json
import random
import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers import catalog, toml
from papers.errors import UserError

PAPER = """\
key = "lecun1998gradient"
name = "LeNet-5"
tagline = "Convolution learns to read digits."
tags = ["convolution", "digits"]
builds_on = ["lecun1989backpropagation"]

[[claims]]
id = "L1"
statement = "It has 60,000 trainable parameters."
where = "Sec. II-B"
source = "arithmetic"
experiment = "structure"
scale = "smoke"
reason = "A count is exact."
criteria = [{ metric = "parameters", paper = 60000, low = 60000, high = 60000 }]

[[claims]]
id = "L6"
statement = "The test error is below one percent, naïvely or not: 手写数字."
where = "Sec. III-B"
source = "verified"
experiment = "mnist"
scale = "small"
reason = "The paper's value and twice the standard error."
criteria = [
  { metric = "test_error", unit = "%", paper = 0.95, low = 0, high = 1.14, seeds = 3 },
  { metric = "train_error", unit = "%", paper = 0.35, high = 0.5, seeds = 3 },
]

[[claims]]
id = "L18"
statement = "It reads checks."
where = "Sec. X"
source = "unverified"
out_of_reach = "The checks are private."

[[experiments]]
name = "structure"
title = "Counting"
what = "Counts."
[experiments.scales.smoke]
data = []
seeds = 1
duration = "a second"
shows = "the counts"
cannot_show = "how it trains"

[[experiments]]
name = "mnist"
title = "Training on MNIST"
what = "Trains."
[experiments.scales.small]
data = ["mnist"]
seeds = 3
duration = "minutes"
shows = "the error"
cannot_show = "the protocol"
[experiments.scales.full]
data = ["mnist"]
seeds = 3
duration = "hours"
shows = "the error"
cannot_show = "nothing claimed"
[experiments.settings.passes]
meaning = "passes over the training set"
where = "Sec. III-B"
paper = 20
values = { small = 10, full = 20 }
departures = { small = "short" }
[experiments.settings.j]
meaning = "the constant of the criterion"
where = "Eq. 9"
question = "j"
values = { small = 0.1, full = 0.1 }
[experiments.settings.rates]
meaning = "learning rates"
where = "Sec. III-B"
paper = [0.0005, 0.0002]
values.full = [0.0005, 0.0002]

[[departures]]
id = "short"
what = "Ten passes."
paper = "Twenty."
where = "Sec. III-B"
why = "Time."
effect = "A larger error."

[[questions]]
id = "j"
question = "What is j?"
where = "Eq. 9"
assumed = "0.1"
effect = "Little."

[[symbols]]
symbol = "A"
meaning = "amplitude"
code = "model.py: AMPLITUDE"
where = "Eq. 6"

[comparison]
columns = ["paper", "ours"]
[[comparison.rows]]
aspect = "Pooling"
cells = { paper = "sum", ours = "sum" }
"""


def write(folder: Path, text: str | bytes, slug: str = "lenet") -> Path:
    (folder / slug).mkdir(exist_ok=True)
    (folder / slug / "summary.md").write_text("# Page\n", encoding="utf-8")
    path = folder / slug / "paper.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems_of(folder: Path, text: str | bytes) -> list[tuple[int | None, str]]:
    write(folder, text)
    with pytest.raises(UserError) as caught:
        catalog.load("lenet", folder)
    assert all(problem.path is not None for problem in caught.value.problems)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_a_paper_is_read_into_frozen_objects(tmp_path: Path) -> None:
    write(tmp_path, PAPER)
    paper = catalog.load("lenet", tmp_path)
    assert (paper.slug, paper.name, paper.tags) == ("lenet", "LeNet-5", ("convolution", "digits"))
    assert paper.directory == tmp_path / "lenet"
    assert paper.summary_path.read_text() == paper.summary() == "# Page\n"
    claim = paper.claim("L6")
    assert claim.slug == "lenet"
    assert claim.criteria[0] == catalog.Criterion("test_error", "%", 0.95, 0, 1.14, 3)
    assert paper.claim("L18").out_of_reach == "The checks are private."
    mnist = paper.experiment("mnist")
    assert mnist.scales["full"].name == "full"
    assert mnist.values("small") == {"passes": 10, "j": 0.1}
    assert mnist.values("full") == {"passes": 20, "j": 0.1, "rates": (0.0005, 0.0002)}
    passes = mnist.settings["passes"]
    assert (passes.name, passes.source("small"), passes.source("full")) == ("passes", "departure: short", "Sec. III-B")
    assert mnist.settings["j"].source("full") == "question: j"
    assert paper.comparison.rows[0].cells["ours"] == "sum"
    with pytest.raises(dataclasses.FrozenInstanceError):
        paper.name = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        mnist.settings["passes"].values["small"] = 1  # type: ignore[index]
    assert json.loads(json.dumps(catalog.as_data(paper)))["claims"][1]["criteria"][0]["high"] == 1.14


def test_title_and_authors_come_from_the_bibliography(tmp_path: Path) -> None:
    write(tmp_path, PAPER)
    paper = catalog.load("lenet", tmp_path)
    assert paper.title == "Gradient-Based Learning Applied to Document Recognition"
    assert paper.authors[0] == "Yann LeCun"
    assert (paper.year, paper.venue) == (1998, "Proceedings of the IEEE")
    unknown = dataclasses.replace(paper, key="nobody2000nothing")
    assert (unknown.entry, unknown.title, unknown.authors, unknown.year) == (None, "LeNet-5", (), None)


def test_the_real_papers_are_valid() -> None:
    assert [paper.slug for paper in catalog.load_all()] == catalog.slugs()


# Each: what is replaced, by what, what the message must say; and a text on the line that it must name, where that is
# not the last line of the replacement.
MISTAKES: list[tuple[str, ...]] = [
    ('name = "LeNet-5"', 'nam = "LeNet-5"', "unknown key `nam`; did you mean `name`?", "nam ="),
    ('name = "LeNet-5"', 'name = ""', "name is empty"),
    ('name = "LeNet-5"', "name = 5", "name must be text, not a whole number"),
    ('tags = ["convolution", "digits"]', 'tags = "digits"', "tags must be a list, not text"),
    ('tags = ["convolution", "digits"]', 'tags = [\n "digits",\n 3]', "tags[1] must be text"),
    ('tags = ["convolution", "digits"]', 'tags = [\n "digits", # one\n "digits"]', "`digits` is given twice in tags"),
    ('tags = ["convolution", "digits"]', 'tags = [""]', "tags[0] is empty"),
    ('id = "L1"', 'id = "L 1"', "may hold only letters"),
    ('id = "L1"', 'id = "mnist"', "`mnist` also names an experiment"),
    ('source = "arithmetic"', 'source = "hearsay"', "source must be one of `verified`, `arithmetic`"),
    (
        'experiment = "structure"',
        'experiment = "strukture"',
        "unknown experiment `strukture`; did you mean `structure`",
    ),
    (
        'experiment = "structure"',
        'experiment = "mnist"',
        "experiment `mnist` has no scale `smoke` (it has small, full)",
        'scale = "smoke"',
    ),
    ('scale = "smoke"', 'scale = "tiny"', "scale must be one of `smoke`, `small`, `full`, not text"),
    ('scale = "smoke"', "scale = 1", "scale must be one of"),
    (", low = 60000, high = 60000 }]", "}]", "neither `low` nor `high`"),
    ("high = 1.14, seeds = 3", "high = -1, seeds = 3", "low (0) is greater than high (-1)"),
    ("high = 1.14, seeds = 3", "high = nan, seeds = 3", "criteria[0].high must be a finite number"),
    ("high = 1.14, seeds = 3", "high = -inf, seeds = 3", "criteria[0].high must be a finite number"),
    ("high = 1.14, seeds = 3", f"high = 1{'0' * 400}, seeds = 3", "criteria[0].high must be a finite number"),
    ("high = 1.14, seeds = 3", 'high = "1.14", seeds = 3', "criteria[0].high must be a number, not text"),
    ("high = 1.14, seeds = 3", "high = true, seeds = 3", "must be a number, not true or false"),
    ("high = 1.14, seeds = 3", "high = 1.14, seeds = 3.0", "seeds must be a whole number, not a number"),
    ("high = 1.14, seeds = 3", "high = 1.14, seeds = true", "seeds must be a whole number, not true or false"),
    ("high = 1.14, seeds = 3", "high = 1.14, seeds = 0", "seeds must be at least 1"),
    (
        "high = 1.14, seeds = 3",
        "hihg = 1.14, seeds = 3",
        "unknown key `hihg` in claims[1].criteria[0]; did you mean `high`",
    ),
    ('metric = "train_error"', 'metric = "test_error"', "two criteria for the metric `test_error`"),
    ('metric = "train_error"', 'metric = "train.error"', "may hold only letters"),
    ('metric = "train_error"', 'metric = "here"', "`here` cannot name a metric"),
    ('metric = "train_error"', 'metric = ""', "criteria[1].metric is empty"),
    (
        'experiment = "mnist"\n',
        'experiment = "mnist"\nout_of_reach = "x"\n',
        "both an experiment and out_of_reach",
        '[[claims]]\nid = "L6"',
    ),
    (
        'out_of_reach = "The checks are private."',
        "",
        "neither an experiment nor out_of_reach",
        '[[claims]]\nid = "L18"',
    ),
    ('out_of_reach = "The checks are private."', 'out_of_reach = ""', "out_of_reach is empty"),
    ('reason = "A count is exact."', "", "needs `reason`", '[[claims]]\nid = "L1"'),
    (
        "seeds = 1\nduration",
        'seeds = "1"\nduration',
        "scales.smoke.seeds must be a whole number, not text",
        'seeds = "1"',
    ),
    ("[experiments.scales.small]", "[experiments.scales.smal]", "unknown scale `smal`"),
    ("values = { small = 10, full = 20 }", "values = { small = 10, full = 21 }", "without a departure"),
    ("values = { small = 10, full = 20 }", "values = { small = 10, full = true }", "without a departure"),
    (
        "values = { small = 10, full = 20 }",
        "values = { small = 20, full = 20 }",
        "but its value there is the paper's",
        "departures = { small",
    ),
    (
        "values = { small = 10, full = 20 }",
        "values = { full = 20 }",
        "for which it has no value",
        "departures = { small",
    ),
    ("values = { small = 10, full = 20 }", "values = { smoke = 1, small = 10, full = 20 }", "has a value for `smoke`"),
    ("values = { small = 10, full = 20 }", "values = { small = 10, full = 2026-11-21 }", "not a date or time"),
    (
        "values = { small = 10, full = 20 }",
        "values = { small = 10, full = [{}] }",
        "text, a number, true or false, not a",
    ),
    ("values = { small = 10, full = 20 }", "values = {}", "no value for any scale"),
    ("values.full = [0.0005, 0.0002]", "values.full = [0.0005, 0.0001]", "without a departure"),
    (
        'departures = { small = "short" }',
        'departures = { small = "shrt" }',
        "unknown departure `shrt`; did you mean `short`",
    ),
    ('departures = { small = "short" }', "", "10 at scale small where the paper has 20", "values = { small = 10"),
    ('question = "j"', 'question = "jay"', "unknown question `jay`"),
    ('where = "Eq. 9"\nquestion = "j"', "", "no where, question or departure", "values = { small = 0.1"),
    ('symbol = "A"', 'symbol = "$A$"', "without dollars"),
    ('cells = { paper = "sum", ours = "sum" }', 'cells = { paper = "sum", ous = "sum" }', "unknown column `ous`"),
    ('cells = { paper = "sum", ours = "sum" }', 'cells = { paper = "sum" }', "has no cell for `ours`"),
]


@pytest.mark.parametrize(("old", "new", "message", "anchor"), [(*row, None)[:4] for row in MISTAKES])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str, anchor: str | None) -> None:
    assert old in PAPER
    text = PAPER.replace(old, new, 1)
    found = problems_of(tmp_path, text)
    if anchor is None:
        expected = PAPER[: PAPER.index(old)].count("\n") + 1 + new.rstrip("\n").count("\n")
    else:
        expected = text[: text.index(anchor)].count("\n") + 1
    assert expected in [line for line, said in found if message in said], found


def test_lines_are_exact(tmp_path: Path) -> None:
    text = PAPER.replace("high = 0.5", "high = 0.5, hgh = 3").replace('ours = "sum"', "ours = 5")
    text = text.replace('"convolution", "digits"', '\n"convolution",\n# between\n\n"digits", 7')
    found = {message: line for line, message in problems_of(tmp_path, text)}
    lines = text.splitlines()
    for message, line in found.items():
        sought = {"tags[2]": ", 7", "hgh": "hgh", "cells.ours": "ours = 5"}
        [piece] = [piece for name, piece in sought.items() if name in message]
        assert line is not None
        assert piece in lines[line - 1]
    assert len(found) == 3


def test_all_mistakes_come_at_once_and_one_does_not_cause_others(tmp_path: Path) -> None:
    text = PAPER.replace('title = "Counting"', "title = 3").replace('what = "Ten passes."\n', "")
    text = text.replace('where = "Sec. X"', "wher = 1").replace("high = 1.14", "high = -5")
    messages = [message for _, message in problems_of(tmp_path, text)]
    assert len(messages) == 5
    assert any("experiments[0].title must be text" in message for message in messages)
    assert any("`what` is missing in departures[0]" in message for message in messages)
    assert any("`where` is missing in claims[2]" in message for message in messages)
    assert any("unknown key `wher`" in message for message in messages)
    assert any("greater than high" in message for message in messages)


def test_duplicate_names_are_refused(tmp_path: Path) -> None:
    [(line, message)] = problems_of(tmp_path, PAPER.replace('id = "L18"', 'id = "L6"'))
    assert message == "the id `L6` is given twice in claims"
    assert PAPER.splitlines()[(line or 0) - 1] == 'id = "L18"'


def test_a_value_equal_to_the_papers_as_a_number_needs_no_departure(tmp_path: Path) -> None:
    write(tmp_path, PAPER.replace("full = 20 }", "full = 20.0 }"))
    assert catalog.load("lenet", tmp_path).experiment("mnist").values("full")["passes"] == 20


def test_which_settings_are_the_same() -> None:
    assert catalog.same_value(20, 20.0)
    assert catalog.same_value((0.5, (1, "x")), [0.5, [1, "x"]])
    assert catalog.same_value(True, True)
    for first, second in ((True, 1), (0, False), ([1], [True]), ([1], [1, 1]), ("1", 1), ([], ""), (None, 0)):
        assert not catalog.same_value(first, second)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (PAPER + '\nname = "again"\nname = "and again"\n', len(PAPER.splitlines()) + 3, "given twice"),
        (PAPER.replace('id = "L6"', 'id = "L6'), 18, "not valid TOML"),
        (PAPER + "[comparison]\n", len(PAPER.splitlines()) + 1, "given twice"),
        ("key = [1, 2", 1, "not valid TOML"),
        ("key = " + "[" * 100_000, None, "nested too deeply"),
        ("key = " + "9" * 5000, None, "not valid TOML"),
        (b'key = "caf\xe9"\n', 1, "not UTF-8"),
        (b"a = 1\nb = 2\n\xff\xfe", 3, "not UTF-8"),
        (b"a = \x00", 1, "not valid TOML"),
        ("", 1, "`key` is missing"),
        ("", 1, "`claims` is missing"),
        ('key = "a"\nclaims = []\n', 2, "claims is empty"),
    ],
)
def test_files_that_are_no_toml(tmp_path: Path, text: str | bytes, line: int | None, message: str) -> None:
    found = problems_of(tmp_path, text)
    assert (line, True) in [(where, message in what) for where, what in found], found


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path, b"\xef\xbb\xbf" + PAPER.replace("\n", "\r\n").encode())
    assert catalog.load("lenet", tmp_path).line("claims[1].criteria[1].high") == 27


def test_a_missing_summary_and_an_unreadable_file(tmp_path: Path) -> None:
    write(tmp_path, PAPER)
    (tmp_path / "lenet" / "summary.md").unlink()
    with pytest.raises(UserError, match=r"summary\.md: the file is missing"):
        catalog.load("lenet", tmp_path)
    (tmp_path / "odd" / "paper.toml").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be read: is a directory"):
        catalog.load("odd", tmp_path)


@pytest.mark.parametrize("slug", ["lenett", "LENET", "", "../lenet", "lenet/", "lenet\x00", "🙂", "." * 5000])
def test_an_unknown_paper_is_never_looked_for_on_the_disk(tmp_path: Path, slug: str) -> None:
    write(tmp_path, PAPER)
    with pytest.raises(UserError, match="there is no paper") as caught:
        catalog.load(slug, tmp_path)
    assert "lenet" in str(caught.value)
    assert len(caught.value.problems) == 1


def test_unknown_claims_and_experiments_are_guessed(tmp_path: Path) -> None:
    write(tmp_path, PAPER)
    paper = catalog.load("lenet", tmp_path)
    with pytest.raises(UserError, match="has no claim `l6`; did you mean `L6`"):
        paper.claim("l6")
    with pytest.raises(UserError, match="has no experiment `minst`; did you mean `mnist`"):
        paper.experiment("minst")
    with pytest.raises(UserError, match="it has structure, mnist"):
        paper.experiment("zzzz")


def test_loading_all_reports_the_mistakes_of_all(tmp_path: Path) -> None:
    write(tmp_path, PAPER)
    write(tmp_path, "x = 1\n", "one")
    write(tmp_path, "y = = 1\n", "two")
    with pytest.raises(UserError) as caught:
        catalog.load_all(tmp_path)
    assert {problem.path.parent.name for problem in caught.value.problems if problem.path} == {"one", "two"}
    assert catalog.slugs(tmp_path) == ["lenet", "one", "two"]


# The lines of keys

TORTURE = '''\
plain = 1
"quoted key" = 2
'single' = "a # no comment ] } ="
dotted.inner . deep = 3
text = """
two
lines \\""" still "quoted" \\\\"""
after = 5
literal = \'\'\'
it's
raw \\\'\'\'
list = [ # comment ]
  1, [2,
  3], { a = 4, b = "}" },

  "x,]", # last
]
[table."odd.name"]
k = 1979-05-27 07:32:00
[[array]]
x = 1
[[array.inner]]
y = 1
[[array.inner]]
y = 2
[array.inner.sub]
z = { deep = { er = [1,2] } }
[[array]]
[[array.inner]]
y = 3
'''


def test_every_key_has_its_line() -> None:
    tomllib.loads(TORTURE)
    lines = toml.locate(TORTURE)
    expected = {
        "plain": 1, "quoted key": 2, "single": 3, "dotted.inner.deep": 4, "text": 5, "after": 8, "literal": 9,
        "list": 12, "list[0]": 13, "list[1]": 13, "list[1][0]": 13, "list[1][1]": 14, "list[2].a": 14, "list[2].b": 14,
        "list[3]": 16, "table.odd.name": 18, "table.odd.name.k": 19, "array[0]": 20, "array[0].x": 21,
        "array[0].inner[0]": 22, "array[0].inner[0].y": 23, "array[0].inner[1].y": 25, "array[0].inner[1].sub.z": 27,
        "array[0].inner[1].sub.z.deep.er[1]": 27, "array[1]": 28, "array[1].inner[0].y": 30,
    }  # fmt: skip
    assert {place: lines.get(place) for place in expected} == expected


@pytest.mark.parametrize("place", ["array[1].inner[0].missing", "array[1].inner[7]", "array[1].none.none", "nothing"])
def test_a_place_that_is_not_there_has_the_line_of_what_is_around_it(place: str) -> None:
    lines = toml.locate(TORTURE)
    expected = {"array[1].inner[0].missing": 29, "array[1].inner[7]": 29, "array[1].none.none": 28, "nothing": 1}
    assert toml.nearest_line(lines, place) == expected[place]


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
VALUES = st.recursive(
    st.integers(-99, 99) | st.booleans() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, min_size=1), inner, max_size=3)
    ),
    max_leaves=6,
)


def as_toml(value: object, chance: random.Random) -> str:
    """Write a value in one of its spellings, with comments and line breaks wherever TOML allows them."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, str):
        basic = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        return chance.choice([basic, f'""{basic}""']) if value and not value.startswith('"') else basic
    if isinstance(value, list):
        gap = chance.choice(["", " ", "\n", " # ] , \n"])
        return "[" + "".join(gap + as_toml(item, chance) + gap + "," for item in value) + gap + "]"
    assert isinstance(value, dict)
    return "{ " + ", ".join(f"{key} = {as_toml(item, chance)}" for key, item in value.items()) + " }"


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(string.ascii_letters, min_size=1), VALUES, max_size=4), st.randoms())
def test_keys_are_found_whatever_is_around_them(table: dict[str, object], chance: random.Random) -> None:
    pieces, expected, line = [], {}, 1
    for key, value in table.items():
        expected[key] = line
        pieces.append(f"{key} = {as_toml(value, chance)}\n")
        line += pieces[-1].count("\n")
    text = "".join(pieces)
    assert tomllib.loads(text).keys() == table.keys()
    lines = toml.locate(text)
    assert {key: lines[key] for key in table} == expected


# Search


@pytest.fixture
def lenet(tmp_path: Path) -> catalog.Paper:
    write(tmp_path, PAPER)
    return catalog.load("lenet", tmp_path)


@pytest.mark.parametrize(
    ("query", "kind", "name"),
    [
        ("lenet", "paper", "lenet"),
        ("LENET-5", "paper", "lenet"),
        ("convoluton", "paper", "lenet"),
        ("LeCun", "paper", "lenet"),
        ("test eror", "claim", "L6"),
        ("error percent", "claim", "L6"),
        ("NAIVELY", "claim", "L6"),
        ("手写", "claim", "L6"),
        ("l18", "claim", "L18"),
        ("60,000", "claim", "L1"),
        ("passes trainin", "setting", "mnist.passes"),
        ("ten passes", "departure", "short"),
        ("amplitude", "symbol", "A"),
        ("what is j", "question", "j"),
    ],
)
def test_search_finds(lenet: catalog.Paper, query: str, kind: str, name: str) -> None:
    matches = catalog.search(query, [lenet])
    assert (kind, name) in [(match.kind, match.id) for match in matches[:2]]
    assert matches == sorted(matches, key=lambda match: -match.score)
    assert all(0 < match.score <= 1 for match in matches)


@pytest.mark.parametrize("query", ["", "   ", "*", "(", "[-", "\\", "\x00", "🙂", "qqqqqqqq", "'; drop", "ı̇", "\ud800"])
def test_search_finds_nothing_without_failing(lenet: catalog.Paper, query: str) -> None:
    assert catalog.search(query, [lenet]) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_search_never_fails(query: str) -> None:
    catalog.search(query, [catalog.Paper("k", "LeNet-5", "Convolution", (), ("digits",), slug="lenet")])


def test_the_more_words_fit_the_better(lenet: catalog.Paper) -> None:
    assert [match.id for match in catalog.search("checks reads qqqq", [lenet])] == ["L18"]


def test_did_you_mean() -> None:
    assert catalog.did_you_mean("lenett", ["lenet", "vgg"]) == "; did you mean `lenet`?"
    assert catalog.did_you_mean("zzz", ["lenet", "vgg"]) == ""
    assert catalog.closest("LENET", ["lenet"]) == "lenet"


def test_a_word_with_a_hyphen_is_found_in_one_piece() -> None:
    joined, apart = (catalog.search(query) for query in ("subsampling", "sub-sampling"))
    assert joined
    assert {match.id for match in joined} == {match.id for match in apart}
