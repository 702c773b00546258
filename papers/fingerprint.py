"""Which code an experiment runs, and its hash, found from the source alone.

The fingerprint covers the experiment's function, what else stands in its file and is not another experiment's, and
every project module that these import, transitively. Only what Python itself would act on counts: comments, blank
lines, line breaks inside brackets and strings that stand alone as a statement (docstrings) do not. What is hashed are
the tokens as they are written, so that the result is the same under every version of Python.

Modules that are imported by a computed name are not seen; there are none.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
import token
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from papers.catalog import papers_directory
from papers.errors import Problem, UserError
from papers.files import read_text
from papers.schema import did_you_mean

PROJECT_PACKAGES = ("implementations", "papers")
FORMATTED = re.compile("[a-z]*[ft]", re.IGNORECASE)
LAYOUT = {token.INDENT: "<indent>", token.DEDENT: "<dedent>", token.NEWLINE: "<newline>"}


@dataclass(frozen=True)
class Fingerprint:
    """The code of one experiment.

    Attributes:
        digest: SHA-256 over all files.
        files: SHA-256 of what counts of each file, by its path from the project's root.
    """

    digest: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class _Source:
    """A parsed Python file."""

    path: Path
    text: str
    tree: ast.Module


def package_name(slug: str) -> str:
    """Return the name of the Python package that implements a paper: the slug, with `_` for `-`."""
    return slug.replace("-", "_")


def fingerprint(slug: str, experiment: str, root: Path | None = None) -> Fingerprint:
    """Hash the code that an experiment runs.

    Args:
        slug: The paper.
        experiment: The name given to its decorator, `@experiment("name")`.
        root: The folder that holds `implementations` and `papers`; by default the one this package stands in.

    Raises:
        UserError: If the experiment or a module that it imports does not exist, or a file cannot be read or parsed.
    """
    root = root or papers_directory().parent
    source = _parse(_experiments_file(slug, root))
    found = _decorated(source.tree)
    if experiment not in found:
        meant = did_you_mean(experiment, found)
        raise UserError(Problem(f"no function here is decorated @experiment({experiment!r}){meant}", source.path))
    kept, text = _without_other_experiments(source, found, experiment)
    files = {_name(source.path, root): _hash(text, source.path)}
    waiting = [source.path.parent / "__init__.py", *_packages_above(source.path, root)]
    waiting += _imported(kept, source.path, root)
    while waiting:
        path = waiting.pop()
        name = _name(path, root)
        if name not in files and path.is_file():
            module = _parse(path)
            files[name] = _hash(module.text, path)
            waiting += _imported(module.tree.body, path, root)
    ordered = dict(sorted(files.items()))
    listing = "".join(f"{name} {digest}\n" for name, digest in ordered.items())
    return Fingerprint(hashlib.sha256(listing.encode()).hexdigest(), ordered)


def implemented_experiments(slug: str, root: Path | None = None) -> dict[str, int]:
    """Return the experiments that a paper's `experiments.py` defines, each with its line.

    Args:
        slug: The paper.
        root: The folder that holds `implementations`; by default the one this package stands in.

    Raises:
        UserError: If the file cannot be read or parsed, or names an experiment twice.
    """
    source = _parse(_experiments_file(slug, root or papers_directory().parent))
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for function, name in _decorated_functions(source.tree):
        if name in lines:
            problems.append(Problem(f"the experiment `{name}` is defined twice", source.path, function.lineno))
        lines[name] = function.lineno
    if problems:
        raise UserError(*problems)
    return lines


def _experiments_file(slug: str, root: Path) -> Path:
    return root / "implementations" / package_name(slug) / "experiments.py"


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _parse(path: Path) -> _Source:
    text = read_text(path)
    return _Source(path, text, _tree(text, path))


@lru_cache(maxsize=256)
def _tree(text: str, path: Path) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UserError(Problem(f"not valid Python: {error.msg}", path, error.lineno)) from None
    except ValueError as error:
        raise UserError(Problem(f"not valid Python: {error}", path)) from None


def _decorated_functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, str]]:
    """The functions of a file that are decorated `@experiment("name")`, with the name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _last_name(decorator.func) == "experiment" and decorator.args:
                    argument = decorator.args[0]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield node, argument.value


def _decorated(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {name: node for node, name in _decorated_functions(tree)}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _without_other_experiments(
    source: _Source, found: Mapping[str, ast.FunctionDef], experiment: str
) -> tuple[list[ast.stmt], str]:
    """Return the statements and the text of a file without the experiments that this one does not use.

    An experiment's function that is called by name from what remains is code that runs, and stays.
    """
    experiments = {node.name: node for node in found.values()}
    kept: list[ast.stmt] = [node for node in source.tree.body if node not in experiments.values()]
    kept.append(found[experiment])
    waiting = list(kept)
    while waiting:
        for node in ast.walk(waiting.pop()):
            used = experiments.get(node.id) if isinstance(node, ast.Name) else None
            if used is not None and used not in kept:
                kept.append(used)
                waiting.append(used)
    lines = io.StringIO(source.text).readlines()
    for function in experiments.values():
        if function not in kept:
            first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
            last = function.end_lineno or function.lineno
            lines[first - 1 : last] = ["\n"] * (last - first + 1)
    return kept, "".join(lines)


def _imported(statements: Iterable[ast.stmt], path: Path, root: Path) -> list[Path]:
    """The files of the project modules that statements import, with the packages around them."""
    paths: list[Path] = []
    for node in _running(statements):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, path, root)
            names = [module]
            # What is imported from a package is a module of it, or something that its __init__.py defines.
            submodules = [f"{module}.{alias.name}" for alias in node.names]
            names += [name for name in submodules if _module_file(name, root) is not None]
        for name in names:
            if name.split(".")[0] not in PROJECT_PACKAGES:
                continue
            file = _module_file(name, root)
            if file is None:
                raise UserError(Problem(f"the module `{name}` that is imported here does not exist", path, node.lineno))
            paths += [file, *_packages_above(file, root)]
    return paths


def _running(statements: Iterable[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports in statements, except those that only type checkers see."""
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _absolute(node: ast.ImportFrom, path: Path, root: Path) -> str:
    """Return the full name of the module in `from module import ...`."""
    if node.level == 0:
        return node.module or ""
    package = path.parent.relative_to(root).parts
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def _module_file(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    if base.is_dir():
        return base / "__init__.py"
    file = base.with_name(base.name + ".py")
    return file if file.is_file() else None


def _packages_above(path: Path, root: Path) -> list[Path]:
    """The `__init__.py` of every package that a file stands in; importing the file runs them."""
    return [folder / "__init__.py" for folder in path.parents if folder != root and folder.is_relative_to(root)]


def _hash(text: str, path: Path) -> str:
    return hashlib.sha256("\0".join(_canonical(text, path)).encode()).hexdigest()


@lru_cache(maxsize=256)
def _canonical(text: str, path: Path) -> tuple[str, ...]:
    """The tokens of a source text that Python acts on."""
    kept: list[str] = []
    statement: list[tokenize.TokenInfo] = []
    try:
        for item in _whole_strings(text):
            if item.type in (token.COMMENT, token.NL, token.ENDMARKER):
                continue
            statement.append(item)
            if item.type == token.NEWLINE:
                if not all(part.type in LAYOUT or _is_plain_string(part) for part in statement):
                    kept += [LAYOUT.get(part.type, part.string) for part in statement]
                else:  # a string alone does nothing; the indentation before it still counts
                    kept += [LAYOUT[part.type] for part in statement if part.type in (token.INDENT, token.DEDENT)]
                statement.clear()
    except (tokenize.TokenError, SyntaxError) as error:
        raise UserError(Problem(f"not valid Python: {error.args[0]}", path)) from None
    return (*kept, *(LAYOUT.get(part.type, part.string) for part in statement))


def _is_plain_string(item: tokenize.TokenInfo) -> bool:
    """Whether a token is a string in which nothing is computed."""
    return item.type == token.STRING and not FORMATTED.match(item.string)


def _whole_strings(text: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens of a text, with every formatted string as one token.

    Python 3.12 began to split these into pieces; before, a formatted string was one token, and so it is here.
    """
    lines = io.StringIO(text).readlines()
    opened: list[tokenize.TokenInfo] = []
    for item in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = token.tok_name[item.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            opened.append(item)
        elif kind in ("FSTRING_END", "TSTRING_END"):
            first = opened.pop()
            if not opened:
                whole = _between(lines, first.start, item.end)
                yield tokenize.TokenInfo(token.STRING, whole, first.start, item.end, first.line)
        elif not opened:
            yield item


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text between two places, each a line counted from 1 and a column counted from 0."""
    piece = lines[start[0] - 1 : end[0]]
    piece[-1] = piece[-1][: end[1]]
    piece[0] = piece[0][start[1] :]
    return "".join(piece)
