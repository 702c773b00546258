"""How a run ends on the command line: exit status, what an interrupted one says, what a bug looks like."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from toy_project import make_project, make_record

from cli.main import main
from papers import catalog
from papers.evidence import read_record

Ending = tuple[int, str, str]


class Interrupted(Exception):
    """Stands for the one of the engine."""

    directory = Path("runs/toy/train-small/1")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def engine(project: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands for the engine: `outcomes` is what its next run returns, `calls` what it was asked for."""
    load = catalog.load
    monkeypatch.setattr(catalog, "load", lambda slug: load(slug, project / "papers"))
    engine = SimpleNamespace(outcomes=[], calls=[], failure=None, Interrupted=Interrupted)

    def reproduce(slug: str, **arguments: object) -> list[SimpleNamespace]:
        engine.calls.append(arguments)
        if engine.failure:
            raise engine.failure
        return list(engine.outcomes)

    engine.reproduce = reproduce
    monkeypatch.setitem(sys.modules, "implementations.reproduce", engine)
    return engine


@pytest.fixture
def outcome(project: Path) -> Callable[..., SimpleNamespace]:
    def make(experiment: str, scale: str, metrics: dict[str, list[float]], status: str = "finished") -> SimpleNamespace:
        path = make_record(project, experiment, scale, metrics, status=status)
        return SimpleNamespace(experiment=experiment, record_path=path, record=read_record(path), status=status)

    return make


@pytest.fixture
def papers(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ending]:
    def run(*arguments: str) -> Ending:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, said.out, said.err

    return run


Papers = Callable[..., Ending]
Outcome = Callable[..., SimpleNamespace]


def test_all_reproduced_is_0(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("count", "smoke", {"parameters": [7.0]})]
    status, text, said = papers("reproduce", "toy")
    assert (status, said) == (0, "")
    assert "1 reproduced" in text


def test_not_reproduced_is_1(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("count", "smoke", {"parameters": [8.0]})]
    status, text, _ = papers("reproduce", "toy")
    assert status == 1
    assert "1 not reproduced" in text


def test_inconclusive_is_1(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("train", "small", {"error": [4.0]})]
    status, text, _ = papers("reproduce", "toy", "--scale", "small", "--seeds", "1")
    assert status == 1
    assert "the rule asks for 2 seeds and there is 1" in " ".join(text.split())
    assert "1 claim more with other experiments:\n  papers reproduce toy --scale smoke\n" in text


def test_only_the_claims_asked_for_count(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [
        outcome("count", "smoke", {"parameters": [7.0]}),
        outcome("train", "small", {"error": [9.0, 9.1]}),
    ]
    assert papers("reproduce", "toy", "--claim", "t1")[0] == 0
    assert papers("reproduce", "toy")[0] == 1


def test_a_failed_run_is_3_and_no_verdict(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("train", "small", {}, status="error")]
    status, text, said = papers("reproduce", "toy", "--scale", "small")
    assert status == 3
    assert said == "papers: train failed: the loss is not a number\n"
    assert "not reproduced" not in text
    assert "the run failed: the loss is not a number" in text


def test_a_metric_that_is_missing_is_3(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("count", "smoke", {"parameter": [7.0]})]
    assert papers("reproduce", "toy")[0] == 3


def test_json_has_runs_verdicts_and_what_is_left(engine: SimpleNamespace, outcome: Outcome, papers: Papers) -> None:
    engine.outcomes = [outcome("count", "smoke", {"parameters": [7.0]})]
    status, text, _ = papers("reproduce", "toy", "--format", "json")
    document = json.loads(text)
    assert status == 0
    assert document["runs"][0]["metrics"] == {"parameters": [7.0]}
    assert [claim["verdict"] for claim in document["claims"]] == ["reproduced"]
    assert [left["id"] for left in document["not_tested"]] == ["T2", "T3"]


def test_the_engine_gets_what_was_asked_for(engine: SimpleNamespace, papers: Papers) -> None:
    arguments = ["--experiment", "train", "--scale", "small", "--device", "cuda:1", "--seed", "4", "--seed", "2"]
    papers("reproduce", "toy", *arguments, "--out", "elsewhere", "--data-dir", "data", "--resume")
    (call,) = engine.calls
    call.pop("progress")
    assert call == {
        "experiments": ("train",),
        "claims": (),
        "scale": "small",
        "device": "cuda:1",
        "seeds": (4, 2),
        "data_dir": Path("data"),
        "out": Path("elsewhere"),
        "resume": True,
    }


def test_ctrl_c_says_how_to_go_on(engine: SimpleNamespace, papers: Papers) -> None:
    engine.failure = Interrupted()
    status, text, said = papers("reproduce", "toy", "--experiment", "train", "--scale", "small", "--seeds", "2")
    assert (status, text) == (130, "")
    assert "papers reproduce toy --scale small --experiment train --seed 0 --seed 1 --resume" in said


def test_a_second_ctrl_c_is_130_too(engine: SimpleNamespace, papers: Papers) -> None:
    engine.failure = KeyboardInterrupt()
    status, _, said = papers("reproduce", "toy")
    assert (status, said.strip()) == (130, "papers: interrupted")


def test_a_full_disk_in_a_run_is_one_sentence(engine: SimpleNamespace, papers: Papers) -> None:
    engine.failure = OSError(28, "No space left on device", "runs/toy/checkpoint.pt")
    status, _, said = papers("reproduce", "toy")
    assert (status, said) == (3, "papers: runs/toy/checkpoint.pt: No space left on device\n")


def test_a_bug_is_one_sentence_unless_asked_for(
    engine: SimpleNamespace, papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.failure = ZeroDivisionError("division by zero")
    status, _, said = papers("reproduce", "toy")
    assert status == 3
    assert said.startswith("papers: ZeroDivisionError: division by zero. This is a mistake in the program")
    assert "PAPERS_DEBUG=1" in said
    assert "Traceback" not in said
    monkeypatch.setenv("PAPERS_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["reproduce", "toy"])
