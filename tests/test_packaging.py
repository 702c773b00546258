"""The package as a stranger gets it: what it says of itself, what it needs, and what a wheel holds."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from papers import __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

CONSTRAINTS = {
    canonicalize_name(line.split("==")[0]): line.split("==")[1]
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
}

REQUIREMENTS = [
    Requirement(text)
    for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in group
    if not text.startswith(PROJECT["name"])
]


def test_it_is_called_what_the_readme_says() -> None:
    assert PROJECT["name"] == "papers-reproduced"
    assert PROJECT["scripts"] == {"papers": "cli.main:main"}
    assert PROJECT["requires-python"] == ">=3.11"
    assert PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_every_file_names_the_same_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [__version__]
    released = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)
    assert released[0] == __version__


def test_torch_is_the_one_that_the_records_were_made_with() -> None:
    assert CONSTRAINTS[canonicalize_name("torch")] == "2.13.0"


def test_constraints_are_plain_names_and_public_versions() -> None:
    # pip refuses extras in a constraints file, and a local version such as +cpu exists in one index only.
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in CONSTRAINTS)
    assert all(Version(version).local is None for version in CONSTRAINTS.values())
    assert PROJECT["name"] not in CONSTRAINTS


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: str(requirement.name))
def test_every_dependency_has_bounds_and_a_constraint_within_them(requirement: Requirement) -> None:
    operators = {specifier.operator for specifier in requirement.specifier}
    assert operators == {">=", "<"}
    assert requirement.specifier.contains(CONSTRAINTS[canonicalize_name(requirement.name)])


def test_the_readme_starts_with_the_two_commands() -> None:
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:24])
    assert "pip install -c constraints.txt -e . && papers reproduce lenet" in screen
    assert 'pip install -c constraints.txt -e ".[dev]" && pytest' in screen
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in screen


def test_ci_runs_the_second_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert '\npip install --quiet -c constraints.txt -e ".[dev]"\n' in script
    assert "\npytest\n" in script
    assert "set -euo pipefail" in script
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "bash .ci/run" in workflow


def test_doors_open_one_way() -> None:
    """`cli → implementations → papers`, never back; and papers knows neither torch, numpy nor click."""
    forbidden = {"papers": {"torch", "numpy", "click", "cli", "implementations"}, "implementations": {"cli", "click"}}
    for room, names in forbidden.items():
        for path in sorted((ROOT / room).rglob("*.py")):
            assert not imports(path) & names, path


def test_every_import_is_declared() -> None:
    """Not merely brought along by something else; the site's own extensions may use what the site needs."""
    names = {"sklearn": "scikit-learn", "math_core": "math-core"}

    def declared(group: list[str]) -> set[str]:
        return {canonicalize_name(Requirement(text).name) for text in group}

    always = declared(PROJECT["dependencies"])
    site = always | declared(PROJECT["optional-dependencies"]["docs"])
    own = {"papers", "implementations", "cli"}
    for room in own:
        for path in sorted((ROOT / room).rglob("*.py")):
            foreign = imports(path) - own - sys.stdlib_module_names
            allowed = site if (ROOT / "papers" / "markdown") in path.parents else always
            assert {canonicalize_name(names.get(name, name)) for name in foreign} <= allowed, path


def imports(path: Path) -> set[str]:
    """Return the top-level names that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    of_parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | of_parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and unpack it as an installer would."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = target.glob("*.whl")
    site = target / "site"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    return site


def test_the_wheel_holds_the_knowledge_and_nothing_else(wheel: Path) -> None:
    for path in sorted((ROOT / "papers").rglob("*")):
        inside = path.relative_to(ROOT)
        if path.suffix in {".toml", ".md", ".json", ".py"}:
            assert (wheel / inside).is_file(), inside
    assert (wheel / "papers" / "_data" / "references.bib").read_bytes() == (ROOT / "references.bib").read_bytes()
    rooms = {path.name for path in wheel.iterdir()}
    assert rooms == {"papers", "implementations", "cli", f"papers_reproduced-{__version__}.dist-info"}


@pytest.mark.parametrize("arguments", [["list"], ["show", "lenet"], ["claims", "lenet"], ["cite", "lecun1998gradient"]])
def test_the_wheel_reads_its_own_knowledge(wheel: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Outside the checkout; what an editable install put beside it must not be what answers."""
    ask = "import papers; print(papers.__file__)"
    surroundings = os.environ | {"PYTHONPATH": str(wheel)}
    where = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(wheel)
    run = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "LeNet-5" in run.stdout or "LeCun" in run.stdout
