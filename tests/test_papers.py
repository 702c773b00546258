"""Every paper of the knowledge base through the same tests: a new one is covered by being there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from implementations.reproduce import configured, reproduce
from papers import catalog
from papers.checking import check
from papers.evidence import Verdict, judge, published_records, verify

pytestmark = pytest.mark.parametrize("slug", catalog.slugs())

ROOT = Path(__file__).parent.parent


def test_the_knowledge_is_in_order(slug: str) -> None:
    assert check(slug=slug) == []


def test_every_experiment_takes_its_settings_at_every_scale(slug: str) -> None:
    paper = catalog.load(slug)
    for experiment in paper.experiments:
        for scale in experiment.scales:
            configured(paper, experiment.name, scale)


def test_the_claims_about_structure_hold(slug: str, tmp_path: Path) -> None:
    paper = catalog.load(slug)
    (outcome,) = reproduce(slug, experiments=["structure"], device="cpu", out=tmp_path)
    claims = [claim for claim in paper.claims if claim.experiment == "structure"]
    assert claims
    for claim in claims:
        result = judge(claim, [outcome.record])
        assert result.verdict is Verdict.REPRODUCED, f"{claim.id}: {result.reason}"


def test_the_network_learns(slug: str, tmp_path: Path) -> None:
    (outcome,) = reproduce(slug, experiments=["smoke"], device="cpu", out=tmp_path)
    assert outcome.status == "finished", outcome.record.error
    metrics = outcome.record.result.metrics
    for first, last in zip(metrics["first_loss"], metrics["last_loss"], strict=True):
        assert first is not None
        assert last is not None
        assert last < first / 2


def test_the_published_records_verify(slug: str) -> None:
    """A record made by code that has changed since is told by `papers verify`, and is no mistake."""
    paper = catalog.load(slug)
    assert verify(paper).problems == ()
    assert published_records(paper), "a paper without evidence has nothing to show"


def test_the_page_exists(slug: str) -> None:
    assert (ROOT / "docs" / "papers" / f"{slug}.md").exists()


@pytest.mark.cuda
def test_it_learns_on_a_gpu_as_on_the_processor(slug: str, tmp_path: Path) -> None:
    assert torch.cuda.is_available()
    losses = {}
    for device in ("cpu", "cuda"):
        (outcome,) = reproduce(slug, experiments=["smoke"], device=device, out=tmp_path / device)
        assert outcome.status == "finished", outcome.record.error
        losses[device] = outcome.record.result.metrics["last_loss"][0]
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=0.2)
