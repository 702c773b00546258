"""Building the site as a reader of its instructions would, and reading what was built."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


def build(config: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run `mkdocs build --strict`, with everything it says on standard output."""
    silence = {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(target)],
        env=dict(os.environ) | silence | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


@dataclass
class Element:
    """An element of a page: its name, attributes, children and text in order."""

    tag: str
    attributes: dict[str, str]
    parts: list[Element | str] = field(default_factory=list)

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Every element below with this name and these attributes; `class_` asks for one class of several."""
        found = []
        for part in self.parts:
            if isinstance(part, Element):
                if tag in ("", part.tag) and part.has(**attributes):
                    found.append(part)
                found += part.all(tag, **attributes)
        return found

    def has(self, **attributes: str) -> bool:
        """Whether it has these attributes."""
        wanted_class = attributes.pop("class_", None)
        if wanted_class and wanted_class not in self.attributes.get("class", "").split():
            return False
        return all(self.attributes.get(name) == value for name, value in attributes.items())

    @property
    def text(self) -> str:
        """All text below, with single spaces."""
        pieces = [part if isinstance(part, str) else f" {part.text} " for part in self.parts]
        return " ".join("".join(pieces).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].parts.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].parts.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].parts.append(data)


def read_page(path: Path) -> Element:
    """Parse a built page."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.open[0]
