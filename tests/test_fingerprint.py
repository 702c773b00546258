from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papers.errors import UserError
from papers.fingerprint import Fingerprint, fingerprint, implemented_experiments, package_name

ROOT = Path(__file__).resolve().parent.parent

FILES = {
    "implementations/__init__.py": '"""All."""\n',
    "implementations/toy/__init__.py": "",
    "implementations/toy/model.py": "WIDTH = 3\n",
    "implementations/toy/extra.py": "from ..data import numbers\nimport os\n",
    "implementations/toy/unused.py": "NOTHING = 0\n",
    "implementations/data/__init__.py": "from . import hidden\n",
    "implementations/data/numbers.py": "from papers.errors import UserError\n",
    "implementations/data/hidden.py": "",
    "implementations/training/__init__.py": "",
    "implementations/training/run.py": "def experiment(name):\n    return lambda function: function\n",
    "papers/__init__.py": "",
    "papers/errors.py": "class UserError(Exception):\n    pass\n",
    "implementations/toy/experiments.py": '''\
"""The experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from implementations.toy.model import WIDTH
from implementations.training import run
from implementations.training.run import experiment

if TYPE_CHECKING:
    from implementations.toy import unused


def shared(x):
    """Add."""
    # plain
    return f"é {x + 1}" + """
kept<three blanks>
"""


@experiment("one")
def one(run):
    """First."""
    from implementations.toy import extra
    return shared(1)


@run.experiment("two")
@staticmethod
def two(run):
    return 2


@experiment("three")
def three(run):
    return two(run) + 1
''',
}

MAIN = "implementations/toy/experiments.py"
Edit = Callable[[str, str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("<three blanks>", "   "), encoding="utf-8")
    return tmp_path


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def digests(root: Path) -> dict[str, str]:
    return {name: fingerprint("toy", name, root).digest for name in ("one", "two", "three")}


def test_imports_are_followed_through_packages_and_relative_names(root: Path) -> None:
    common = {
        "implementations/__init__.py",
        "implementations/toy/__init__.py",
        "implementations/toy/experiments.py",
        "implementations/toy/model.py",
        "implementations/training/__init__.py",
        "implementations/training/run.py",
    }
    through_extra = {
        "implementations/toy/extra.py",
        "implementations/data/__init__.py",
        "implementations/data/numbers.py",
        "implementations/data/hidden.py",
        "papers/__init__.py",
        "papers/errors.py",
    }
    assert set(fingerprint("toy", "two", root).files) == common
    assert set(fingerprint("toy", "one", root).files) == common | through_extra


def test_the_packages_around_count_even_if_nothing_is_imported(root: Path) -> None:
    (root / MAIN).write_text('@experiment("alone")\ndef alone(run):\n    return 1\n')
    assert list(fingerprint("toy", "alone", root).files) == [
        "implementations/__init__.py",
        "implementations/toy/__init__.py",
        "implementations/toy/experiments.py",
    ]


def test_files_are_in_order_and_the_digest_covers_them(root: Path) -> None:
    found = fingerprint("toy", "one", root)
    assert list(found.files) == sorted(found.files)
    assert all(len(digest) == 64 for digest in [found.digest, *found.files.values()])
    assert found == fingerprint("toy", "one", root)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""The experiments."""', '"""All the experiments, explained at length.\n\nAnd more.\n"""'),
        ('    """Add."""\n', ""),
        ("    # plain\n", "\n    # explained better\n\n"),
        ("return shared(1)", "return shared(1)  # the first"),
        ("return shared(1)", "return shared(\n        1\n    )"),
        ("\n\n\ndef shared", "\ndef shared"),
        ("def shared(x):\n", "def shared(x):   \n"),
        ('    """First."""\n', '    """First."""\n    "and again"\n'),
        ("    from implementations.toy import unused", "    from implementations.toy import nothing, else_"),
    ],
)
def test_explanations_and_layout_do_not_count(root: Path, old: str, new: str) -> None:
    before = digests(root)
    edit(root, MAIN, old, new)
    if "unused" in old:  # a type checker's import is a statement of this file, but its module is not followed
        assert "implementations/toy/unused.py" not in fingerprint("toy", "one", root).files
    else:
        assert digests(root) == before


@pytest.mark.parametrize(
    ("name", "old", "new", "changed"),
    [
        (MAIN, "x + 1", "x + 2", "one two three"),
        (MAIN, '"é ', '"e ', "one two three"),
        (MAIN, "kept   \n", "kept\n", "one two three"),
        (MAIN, '    return f"é', '    if x:\n        return f"é', "one two three"),
        (MAIN, "shared(1)", "shared(2)", "one"),
        (MAIN, "    return 2", "    return 3", "two three"),
        (MAIN, "return two(run) + 1", "return two(run) - 1", "three"),
        (MAIN, '@experiment("three")\n', '@other\n@experiment("three")\n', "three"),
        ("implementations/toy/model.py", "3", "4", "one two three"),
        ("implementations/toy/extra.py", "import os", "import sys", "one"),
        ("implementations/data/__init__.py", "from . import hidden", "from . import hidden\nX = 1", "one"),
        ("papers/errors.py", "pass", "x = 1", "one"),
        ("implementations/toy/unused.py", "0", "1", ""),
    ],
)
def test_a_changed_statement_counts_where_it_runs(root: Path, name: str, old: str, new: str, changed: str) -> None:
    before = digests(root)
    edit(root, name, old, new)
    after = digests(root)
    assert [experiment for experiment in before if before[experiment] != after[experiment]] == changed.split()


def test_a_formatted_string_alone_is_a_statement(root: Path) -> None:
    before = digests(root)
    edit(root, MAIN, '    """First."""\n', '    """First."""\n    f"{shared(2)}"\n')
    assert digests(root) != before


def test_a_block_that_ends_elsewhere_counts(root: Path) -> None:
    edit(root, MAIN, "    return 2", "    if run:\n        run = 1\n        run = 2\n    return 2")
    before = digests(root)
    edit(root, MAIN, "        run = 2", "    run = 2")
    assert digests(root) != before


def test_the_experiments_of_a_file_are_found_without_importing_it(root: Path) -> None:
    edit(root, MAIN, '"""The experiments."""', "raise RuntimeError")
    assert list(implemented_experiments("toy", root)) == ["one", "two", "three"]
    lines = (root / MAIN).read_text().splitlines()
    assert all(f"def {name}(" in lines[line - 1] for name, line in implemented_experiments("toy", root).items())


def test_what_is_wrong_is_said_with_its_place(root: Path) -> None:
    with pytest.raises(UserError, match="no function here is decorated @experiment\\('thre'\\); did you mean `three`"):
        fingerprint("toy", "thre", root)
    with pytest.raises(UserError, match=r"implementations/vgg/experiments\.py: the file is missing"):
        fingerprint("vgg", "one", root)
    edit(root, "implementations/toy/extra.py", "..data", "..dta")
    with pytest.raises(UserError, match=r"extra\.py:1: the module `implementations\.dta` .* does not exist"):
        fingerprint("toy", "one", root)
    edit(root, MAIN, '@experiment("three")', '@experiment("one")')
    with pytest.raises(UserError, match=r"experiments\.py:\d+: the experiment `one` is defined twice"):
        implemented_experiments("toy", root)
    edit(root, MAIN, "def shared(x):", "def shared(x:")
    with pytest.raises(UserError, match=r"experiments\.py:\d+: not valid Python"):
        fingerprint("toy", "two", root)


@pytest.mark.parametrize("content", [b"x = 1\n\x00", b"\xff\xfe", b"    x = 1\ny"])
def test_a_module_that_cannot_be_read(root: Path, content: bytes) -> None:
    (root / "implementations/toy/model.py").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.py"):
        fingerprint("toy", "one", root)


def test_every_version_of_python_gives_the_same(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from papers.fingerprint import fingerprint\n"
        f"print(fingerprint('toy', 'one', Path({str(root)!r})).digest)"
    )
    here = fingerprint("toy", "one", root).digest
    names = [f"python3.{minor}" for minor in range(11, 16)]
    for python in [sys.executable, *filter(None, map(shutil.which, names))]:
        ran = subprocess.run([python, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        if "No module named" not in ran.stderr and "pyenv" not in ran.stderr:
            assert ran.stdout.strip() == here, (python, ran.stderr)
    # A fixed text, so that a change of the method is not made unawares: it would make every record stale.
    assert here == "9e23e20d30ecfb8832d5fa3d8801cd6c5cb555a9cd27dc084b4a0b4a9cb904ac"


def test_names_of_packages() -> None:
    assert package_name("vgg-16") == "vgg_16"
    assert isinstance(fingerprint("lenet", "structure"), Fingerprint)
