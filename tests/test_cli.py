"""The command as a person meets it: what each subcommand prints, what it says about mistakes, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner
from conftest import Run
from toy_project import make_project, make_record

from cli.commands import cite as cite_command
from cli.commands import reproduce as reproduce_command
from cli.main import COMMANDS, main
from cli.main import papers as papers_command
from papers import bibliography, catalog, checking, fingerprint, scaffold


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    returncode: object
    stdout: str
    stderr: str


Papers = Callable[..., Done]

READING = {
    "list": ["list"],
    "show": ["show", "toy"],
    "search": ["search", "error"],
    "claims": ["claims", "toy"],
    "claim": ["claims", "toy", "T2"],
    "diff": ["diff", "toy"],
    "verify": ["verify"],
    "cite": ["cite", "rumelhart1986learning"],
    "data": ["data", "list"],
    "data verify": ["data", "verify", "digits"],
    "dry run": ["reproduce", "toy", "--dry-run"],
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose toy paper has two published records; nobody changes it."""
    project = make_project(tmp_path_factory.mktemp("published"))
    for experiment, scale, metrics in (
        ("count", "smoke", {"parameters": [7.0]}),
        ("train", "small", {"error": [4.25, 6.25]}),
    ):
        record = make_record(project, experiment, scale, metrics)
        subprocess.run([sys.executable, "-m", "cli", "publish", str(record)], cwd=project, check=True)
    return project


@pytest.fixture
def project(published: Path, tmp_path: Path) -> Path:
    """A copy of it, to break."""
    return Path(shutil.copytree(published, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture
def papers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Papers:
    """Run `papers` in this process on the papers of a project."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PAPERS_DATA_DIR", raising=False)

    def run(project: Path, *arguments: str) -> Done:
        monkeypatch.chdir(project)
        monkeypatch.setenv("XDG_CACHE_HOME", str(project / "cache"))
        for module in (catalog, checking, fingerprint, scaffold):
            monkeypatch.setattr(module, "papers_directory", lambda: project / "papers")
        with pytest.raises(SystemExit) as end:
            main(arguments)
        said = capsys.readouterr()
        return Done(end.value.code, said.out, said.err)

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# Reading


@pytest.mark.parametrize("arguments", READING.values(), ids=READING)
def test_json_is_one_document_and_nothing_else(papers: Papers, published: Path, arguments: list[str]) -> None:
    done = papers(published, *arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)


@pytest.mark.parametrize("arguments", READING.values(), ids=READING)
def test_text_fits_eighty_columns(papers: Papers, published: Path, arguments: list[str]) -> None:
    done = papers(published, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    # A path, an address or a command is never torn, so that it can be copied.
    assert [line for line in done.stdout.splitlines() if len(line) > 80 and "/" not in line] == []


@pytest.mark.parametrize("arguments", READING.values(), ids=READING)
def test_reading_imports_nothing_heavy(published: Path, arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'numpy', 'scipy', 'sklearn', 'pooch', 'requests', 'markdown', 'importlib.metadata'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=published, capture_output=True, text=True, check=True
    )
    # Where scikit-learn's data lie is asked of the installer's notes; torch, numpy and the network never are needed.
    allowed = ["importlib.metadata"] if arguments[0] == "data" or "--dry-run" in arguments else []
    assert done.stderr.strip() in (str(allowed), "[]")


def test_list_counts_verdicts(papers: Papers, published: Path) -> None:
    done = papers(published, "list")
    assert "toy · Toy · Rumelhart et al., 1986" in done.stdout
    assert "3 claims: 1 reproduced, 1 inconclusive, 1 out of reach" in done.stdout


def test_list_shows_the_papers_that_can_be_read(papers: Papers, project: Path) -> None:
    shutil.copytree(project / "papers" / "toy", project / "papers" / "broken")
    edit(project / "papers" / "broken" / "paper.toml", 'name = "Toy"', "name = 7")
    done = papers(project, "list")
    assert done.returncode == 2
    assert "toy · Toy" in done.stdout
    assert "broken/paper.toml:2: " in done.stderr


def test_show_resolves_citations_and_numbers(papers: Papers, published: Path) -> None:
    text = papers(published, "show", "toy").stdout
    assert "(Rumelhart et al., 1986, Sec. 2)" in text
    assert "with $n = 7$ parameters, of which\nthe paper counts 7." in text
    assert "{=" not in text
    assert "[@" not in text
    assert "papers reproduce toy --experiment NAME --scale SCALE" in text


def test_claims_show_paper_here_verdict_and_reason(papers: Papers, published: Path) -> None:
    lines = papers(published, "claims", "toy").stdout.splitlines()
    assert lines[0].split() == ["claim", "paper", "here", "verdict"]
    row = next(line.split() for line in lines if line.strip().startswith("parameters "))
    assert row == ["parameters", "7", "7", "reproduced"]
    assert any("accepted is at most 5 %" in line for line in lines)
    assert any("The letters are private." in line for line in lines)


def test_one_claim_in_full(papers: Papers, published: Path) -> None:
    text = papers(published, "claims", "toy", "T2").stdout
    assert "T2 · inconclusive" in text
    assert "The paper's value and twice its standard error." in text
    assert "papers reproduce toy --claim T2 --scale small" in text
    document = json.loads(papers(published, "claims", "toy", "T2", "--format", "json").stdout)
    assert document["criteria"][0]["values"] == [4.25, 6.25]
    assert document["verdict"] == "inconclusive"


def test_diff_shows_versions_side_by_side(papers: Papers, published: Path) -> None:
    text = papers(published, "diff", "toy").stdout
    assert "a step  a tanh, of 7 parameters" in text
    assert "One pass." in text
    assert "In which order are the patterns shown?" in text


def test_search_finds_nothing_politely(papers: Papers, published: Path) -> None:
    done = papers(published, "search", "zebra")
    assert (done.returncode, done.stdout) == (0, "Nothing fits 'zebra'.\n")
    assert json.loads(papers(published, "search", "zebra", "--format", "json").stdout) == []


def test_cite_writes_every_style() -> None:
    assert cite_command.STYLES == bibliography.STYLES


def test_the_scales_are_those_of_the_catalogue() -> None:
    assert reproduce_command.SCALES == catalog.SCALES


# Mistakes

MISTAKES = {
    "paper": (["show", "tooy"], "there is no paper `tooy`; did you mean `toy`?"),
    "claim": (["claims", "toy", "T22"], "did you mean `T2`?"),
    "command": (["clams", "toy"], "there is no command `clams`; did you mean `claims`?"),
    "key": (["cite", "rumelhart1986learnin"], "did you mean 'rumelhart1986learning'"),
    "data set": (["data", "verify", "digts"], "did you mean 'digits'"),
    "experiment": (["reproduce", "toy", "--experiment", "trai"], "did you mean `train`?"),
    "claim to reproduce": (["reproduce", "toy", "--claim", "T9"], "has no claim 'T9'"),
    "out of reach": (["reproduce", "toy", "--claim", "T3"], "out of reach: The letters are private."),
    "scale": (["reproduce", "toy", "--scale", "large"], "'large' is not one of 'smoke', 'small', 'full'"),
    "scale it lacks": (["reproduce", "toy", "--experiment", "count", "--scale", "full"], "has no scale 'full'"),
    "seeds": (["reproduce", "toy", "--seed", "1", "--seeds", "2"], "not both"),
    "no record": (["publish", "nowhere.json"], "nowhere.json"),
    "no paper": (["show"], "Missing argument"),
    "name": (["new", "Bad Name"], "cannot name a paper"),
    "taken": (["new", "toy"], "already"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_gets_one_sentence(papers: Papers, published: Path, arguments: list[str], said: str) -> None:
    done = papers(published, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_every_error_of_a_file_is_told_with_its_line(papers: Papers, project: Path) -> None:
    path = project / "papers" / "toy" / "paper.toml"
    edit(path, 'source = "arithmetic"', 'source = "hearsay"')
    edit(path, "seeds = 2 }", 'seeds = "two" }')
    done = papers(project, "claims", "toy")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"papers: {path}:") for line in lines)


def test_a_full_disk_gets_one_sentence(papers_process: Run, published: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = papers_process("list", stdout=full.fileno(), cwd=published)
    assert done.returncode == 2
    assert done.stderr == "papers: cannot write the output: No space left on device\n"


def test_a_closed_pipe_is_quiet(papers_process: Run, published: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = papers_process("list", stdout=writing, cwd=published)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_output_is_no_mistake(published: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.stdout = None; from cli.main import main; main(['list'])"]
    done = subprocess.run(command, cwd=published, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_the_characters_gets_others(papers_process: Run, published: Path) -> None:
    done = papers_process("list", env={"PYTHONIOENCODING": "iso8859-5"}, cwd=published)
    assert (done.returncode, done.stderr) == (0, "")
    assert "toy ? Toy" in done.stdout


# Evidence


def test_an_edited_record_is_not_published(papers: Papers, project: Path) -> None:
    record = make_record(project, "train", "smoke", {"error": [9.0]})
    edit(record, "9.0", "1.0")
    before = sorted((project / "papers" / "toy" / "records").iterdir())
    done = papers(project, "publish", str(record))
    assert (done.returncode, done.stdout) == (2, "")
    assert "changed after it was written" in done.stderr
    assert sorted((project / "papers" / "toy" / "records").iterdir()) == before


def test_verify_finds_an_edited_record(papers: Papers, project: Path) -> None:
    (record,) = (project / "papers" / "toy" / "records").glob("train-*.json")
    edit(record, "6.25", "4.25")
    done = papers(project, "verify")
    assert done.returncode == 1
    assert str(record) in done.stderr
    assert papers(project, "claims", "toy").returncode == 2


def test_verify_finds_a_table_that_does_not_follow(papers: Papers, project: Path) -> None:
    table = project / "papers" / "toy" / "records" / "verdicts.json"
    edit(table, '"verdict": "inconclusive"', '"verdict": "reproduced"')
    done = papers(project, "verify", "toy")
    assert done.returncode == 1
    assert "T2" in done.stderr
    assert json.loads(papers(project, "verify", "--format", "json").stdout)[0]["ok"] is False
    assert papers(project, "verify", "--update").returncode == 0
    assert papers(project, "verify").returncode == 0


def test_verify_marks_a_record_whose_code_changed(papers: Papers, project: Path) -> None:
    edit(project / "implementations" / "toy" / "experiments.py", "[7]", "[8]")
    done = papers(project, "verify")
    assert done.returncode == 0
    assert "stale: count-smoke-20261121.json: the code has changed since" in done.stdout
    assert "train-small" not in done.stdout
    assert papers(project, "verify", "--strict").returncode == 1


def test_a_new_paper_is_listed_as_incomplete(papers: Papers, project: Path) -> None:
    made = papers(project, "new", "vgg")
    assert made.returncode == 0
    assert "papers/vgg/paper.toml" in made.stdout.splitlines()
    found = papers(project, "check", "vgg")
    assert found.returncode == 1
    assert len([line for line in found.stdout.splitlines() if line.startswith("papers/vgg/paper.toml:")]) > 5
    assert len(json.loads(papers(project, "check", "vgg", "--format", "json").stdout)) > 5


# Running


def test_reproduce_ends_in_a_table_and_a_record(papers_process: Run, project: Path) -> None:
    done = papers_process("reproduce", "toy", cwd=project)
    assert done.returncode == 0, done.stderr
    assert "parameters  7      7     reproduced" in done.stdout
    assert "1 claim more with a larger scale:\n  papers reproduce toy --scale small\n" in done.stdout
    assert "1 claim out of reach here" in done.stdout
    records = sorted((project / "runs").glob("toy/*/*/record.json"))
    assert len(records) == 2
    assert sorted(line.strip() for line in done.stdout.splitlines()[-2:]) == [
        str(record.relative_to(project)) for record in records
    ]


def test_a_dry_run_writes_nothing(papers: Papers, project: Path) -> None:
    shutil.rmtree(project / "runs")
    done = papers(project, "reproduce", "toy", "--claim", "T2", "--seeds", "3", "--out", "else where", "--dry-run")
    assert done.returncode == 0
    assert "papers reproduce toy --scale smoke --out 'else where' --claim T2 --seed 0 --seed 1 --seed 2" in done.stdout
    assert "mnist: not found; would be downloaded to" in done.stdout
    assert not (project / "runs").exists()
    assert not (project / "else where").exists()


# Help and completion


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    text = CliRunner().invoke(papers_command, [name, "--help"], prog_name="papers").output
    assert f"\n  Examples:\n    papers {name}" in text
    if name != "data":
        assert "From Python: " in text
        assert "--format" in text


def test_without_arguments_it_shows_the_help(papers: Papers, published: Path) -> None:
    done = papers(published)
    assert done.returncode == 2
    assert all(f"\n  {name} " in done.stderr for name in COMMANDS)
    assert "..." not in done.stderr.split("Commands:")[1]


COMPLETIONS = {
    "papers cl": ["claims"],
    "papers show t": ["toy"],
    "papers claims toy t": ["T1", "T2", "T3"],
    "papers claims tooy T": [],
    "papers reproduce toy --experiment t": ["train"],
    "papers reproduce toy --claim T": ["T1", "T2", "T3"],
    "papers reproduce toy --scale s": ["smoke", "small"],
    "papers data fetch m": ["mnist"],
    "papers cite lecun1998": ["lecun1998gradient"],
}


@pytest.mark.parametrize(("line", "offered"), COMPLETIONS.items(), ids=COMPLETIONS)
def test_the_shell_completes(published: Path, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]) -> None:
    monkeypatch.setattr(catalog, "papers_directory", lambda: published / "papers")
    *words, incomplete = line.split()[1:]
    shell = BashComplete(papers_command, {}, "papers", "_PAPERS_COMPLETE")
    assert [item.value for item in shell.get_completions(words, incomplete)] == offered


def test_completion_is_switched_on_as_the_readme_says(papers_process: Run) -> None:
    done = papers_process(env={"_PAPERS_COMPLETE": "bash_complete", "COMP_WORDS": "papers cl", "COMP_CWORD": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,claims\n", "")
    script = papers_process(env={"_PAPERS_COMPLETE": "zsh_source"})
    assert "_PAPERS_COMPLETE=zsh_complete papers" in script.stdout
