"""An interrupted run ends in the same bytes as an uninterrupted one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from implementations.reproduce import reproduce
from implementations.training.session import Interrupted
from papers.catalog import Experiment
from papers.errors import UserError
from papers.schema import Value


def result_of(path: Path) -> str:
    return json.dumps(json.loads(path.read_text(encoding="utf-8"))["result"], sort_keys=True)


def stop_at(step: int) -> Callable[[], bool]:
    """Wish to stop when asked for the `step`-th time, and not before or after."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == step

    return stop


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """Let `smoke` show the digits twice in batches and once on-line: 142 and 1,437 steps."""
    values = Experiment.values

    def fewer(self: Experiment, scale: str) -> dict[str, Value]:
        return {**values(self, scale), **({"passes": 2, "etas": (5e-4,)} if self.name == "smoke" else {})}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Experiment, "values", fewer)
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path_factory.mktemp("whole"))
    assert outcome.status == "finished", outcome.record.error
    return result_of(outcome.record_path)


def test_the_same_seed_gives_the_same_bytes(uninterrupted: str, tmp_path: Path) -> None:
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path)
    assert result_of(outcome.record_path) == uninterrupted


def test_another_seed_gives_others(uninterrupted: str, tmp_path: Path) -> None:
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", seeds=[1], out=tmp_path)
    assert result_of(outcome.record_path) != uninterrupted


# Before anything has happened, at the first step, within the first pass, at the first step of the second, within it, at
# the first steps of the on-line training, and within it before any error is logged.
@pytest.mark.parametrize("step", [1, 2, 30, 73, 100, 144, 146, 600])
def test_interrupted_and_resumed(uninterrupted: str, tmp_path: Path, step: int) -> None:
    with pytest.raises(Interrupted) as interruption:
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, stop=stop_at(step))
    assert (interruption.value.directory / "checkpoint.pt").exists()
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, resume=True)
    assert outcome.record_path.parent == interruption.value.directory
    assert result_of(outcome.record_path) == uninterrupted
    assert not (interruption.value.directory / "checkpoint.pt").exists()


def test_interrupted_twice(uninterrupted: str, tmp_path: Path) -> None:
    for step in (70, 300):
        with pytest.raises(Interrupted):
            reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, resume=True, stop=stop_at(step))
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, resume=True)
    assert result_of(outcome.record_path) == uninterrupted


def test_a_checkpoint_of_other_seeds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, stop=stop_at(5))
    with pytest.raises(UserError, match="differs in its seeds"):
        reproduce("lenet", experiments=["smoke"], device="cpu", seeds=[7], out=tmp_path, resume=True)


def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as interruption:
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, stop=stop_at(5))
    checkpoint = interruption.value.directory / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read"):
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, resume=True)
    assert checkpoint.exists()


def test_what_is_finished_is_not_run_again(tmp_path: Path) -> None:
    (first,) = reproduce("lenet", experiments=["structure"], device="cpu", out=tmp_path)
    (again,) = reproduce("lenet", experiments=["structure"], device="cpu", out=tmp_path, resume=True)
    assert again.record_path == first.record_path


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Interrupted) as interruption:
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, stop=stop_at(50))
    before = (interruption.value.directory / "checkpoint.pt").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"cannot be written.*No space left"):
        reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path, resume=True, stop=stop_at(50))
    assert [path.name for path in interruption.value.directory.iterdir()] == ["checkpoint.pt"]
    assert (interruption.value.directory / "checkpoint.pt").read_bytes() == before


def test_a_run_that_fails_leaves_a_record_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("implementations.lenet.experiments.count_errors", lambda *_: float("nan"))
    (outcome,) = reproduce("lenet", experiments=["smoke"], device="cpu", out=tmp_path)
    assert outcome.status == "error"
    assert outcome.record.error is not None
    assert "not finite" in outcome.record.error
    assert (outcome.record_path.parent / "error.txt").exists()
