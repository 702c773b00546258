"""What several test files share: running the command as a user does, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def papers_process() -> Run:
    """Return a function that runs `papers ARGUMENTS...` in a fresh interpreter and returns what came of it."""

    def run(
        *arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT, stdout: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("PAPERS_")}
        surroundings |= {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "OMP_NUM_THREADS": "1"} | (env or {})
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=cwd,
            env=surroundings,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run
