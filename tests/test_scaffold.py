from __future__ import annotations

import errno
import io
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from papers import catalog, checking, evidence, fingerprint, scaffold
from papers.errors import UserError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("papers", "implementations/training", "docs/papers", "tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "implementations/training/run.py").write_text("def experiment(name): ...\n")
    (tmp_path / "mkdocs.yml").write_text("nav:\n  - papers/lenet.md\n")
    shutil.copy(ROOT / "references.bib", tmp_path)
    return tmp_path


def files(project: Path) -> set[str]:
    return {path.relative_to(project).as_posix() for path in project.rglob("*")}


NEW = {
    "papers/vgg-16/paper.toml",
    "papers/vgg-16/summary.md",
    "implementations/vgg_16/__init__.py",
    "implementations/vgg_16/model.py",
    "implementations/vgg_16/experiments.py",
    "docs/papers/vgg-16.md",
}


def test_a_new_paper_can_be_read_at_once(project: Path) -> None:
    before = files(project)
    made = scaffold.new("vgg-16", project / "papers")
    assert {path.relative_to(project).as_posix() for path in made} == NEW
    assert {name for name in files(project) - before if (project / name).is_file()} == NEW
    paper = catalog.load("vgg-16", project / "papers")
    assert catalog.load_all(project / "papers") == [paper]
    assert paper.title == paper.name
    assert [result.verdict for result in evidence.judge_paper(paper, [])] == ["inconclusive"]
    assert catalog.search("fill", [paper])
    assert fingerprint.fingerprint("vgg-16", "smoke", project).files


def test_every_mark_is_an_item_to_complete_and_nothing_else_is_wrong(project: Path) -> None:
    made = scaffold.new("vgg-16", project / "papers")
    marks = sum(line.count(scaffold.MARKER) for path in made for line in path.read_text().splitlines())
    problems = checking.check(project / "papers")
    items = [problem for problem in problems if problem.message.startswith("incomplete: ")]
    assert len(items) == marks > 15
    assert all(problem.line for problem in items)
    rest = {str(problem) for problem in problems} - {str(item) for item in items}
    tests, navigation = project / "tests/test_vgg_16.py", project / "mkdocs.yml"
    assert rest == {
        f"{tests}: the file is missing: every paper has tests of its own",
        f"{navigation}: the navigation does not name the page papers/vgg-16.md",
    }


def test_what_is_filled_in_is_no_longer_listed(project: Path) -> None:
    made = scaffold.new("vgg-16", project / "papers")
    (project / "tests/test_vgg_16.py").write_text("")
    (project / "mkdocs.yml").write_text("nav:\n  - papers/vgg-16.md\n")
    for path in made:
        text = path.read_text()
        if path.name == "paper.toml":
            text = text.replace('key = "FILL IN: the paper\'s key in references.bib"', 'key = "lecun1998gradient"')
        path.write_text(text.replace("FILL IN:", "A sentence about"))
    assert [str(problem) for problem in checking.check(project / "papers")] == []


@pytest.mark.parametrize("slug", ["vgg", "a", "wide-resnet-2", "u-net"])
def test_good_names(project: Path, slug: str) -> None:
    scaffold.new(slug, project / "papers")
    for path in (project / "implementations" / fingerprint.package_name(slug)).glob("*.py"):
        compile(path.read_text(), path, "exec")


def test_the_code_has_the_style_of_the_project(project: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", project)
    (project / "implementations/__init__.py").write_text('"""All."""\n')
    for slug in ("alexnet", "vgg-16"):  # before and after `training` in the alphabet
        scaffold.new(slug, project / "papers")
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "implementations/alexnet", "implementations/vgg_16"],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize(
    "slug",
    [
        "",
        "VGG",
        "vgg_16",
        "16",
        "vgg 16",
        "../vgg",
        "vgg/",
        "-vgg",
        "vgg-",
        "v--g",
        "vgg.toml",
        "é",
        "class",
        "import",
        "a\n",
    ],
)
def test_bad_names_are_refused(project: Path, slug: str) -> None:
    before = files(project)
    with pytest.raises(UserError, match="cannot name a paper"):
        scaffold.new(slug, project / "papers")
    assert files(project) == before


@pytest.mark.parametrize(
    "taken", ["papers/vgg-16", "implementations/vgg_16", "docs/papers/vgg-16.md", "papers/vgg-16/paper.toml"]
)
def test_nothing_is_overwritten(project: Path, taken: str) -> None:
    path = project / taken
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine") if path.suffix else path.mkdir()
    before = files(project)
    with pytest.raises(UserError, match="something of this name already"):
        scaffold.new("vgg-16", project / "papers")
    assert files(project) == before


@pytest.mark.parametrize("slug", ["training", "data", "markdown"])
def test_the_names_of_rooms_are_taken(project: Path, slug: str) -> None:
    (project / "implementations/data").mkdir()
    (project / "papers/markdown").mkdir()
    with pytest.raises(UserError, match="something of this name already"):
        scaffold.new(slug, project / "papers")


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", sorted(NEW))
def test_a_full_disk_leaves_nothing_behind(project: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = files(project)
    original = Path.open

    def open_on_full_disk(self: Path, mode: str = "r", **options: str) -> IO[str]:
        file = original(self, mode, **options)  # type: ignore[call-overload]
        assert isinstance(file, io.TextIOWrapper)
        if self == project / name and mode == "x":
            file.close()
            return FullDisk()
        return file

    monkeypatch.setattr(Path, "open", open_on_full_disk)
    with pytest.raises(UserError, match="cannot be written: no space left on device; nothing was left"):
        scaffold.new("vgg-16", project / "papers")
    assert files(project) == before


def test_beside_an_installed_package_no_page_is_made(project: Path) -> None:
    (project / "references.bib").unlink()
    made = scaffold.new("vgg-16", project / "papers")
    assert project / "docs/papers/vgg-16.md" not in made
    assert len(made) == 5
