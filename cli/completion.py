"""What the shell offers when a name is half typed: slugs, claims, experiments, citation keys, data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

import click

from papers.errors import UserError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _completion(candidates: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Complete:
    """Make a completion of a function that returns names with a few words on each."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            return [
                CompletionItem(name, help=" ".join(what.split()))
                for name, what in candidates(context)
                if name.lower().startswith(incomplete.lower())
            ]
        except UserError:
            return []  # in the middle of a command line there is no place for a message; the command will give it

    return complete


def _slug(context: click.Context) -> str:
    """Return the paper on the command line; after an option that still lacks its value it is not yet a parameter."""
    return str(context.params.get("slug") or next(iter(context.args), ""))


def _slugs(context: click.Context) -> Iterable[tuple[str, str]]:
    from papers import catalog

    return [(slug, "") for slug in catalog.slugs()]


def _claims(context: click.Context) -> Iterable[tuple[str, str]]:
    from papers import catalog

    return [(claim.id, claim.statement) for claim in catalog.load(_slug(context)).claims]


def _experiments(context: click.Context) -> Iterable[tuple[str, str]]:
    from papers import catalog

    paper = catalog.load(_slug(context))
    return [(experiment.name, experiment.title) for experiment in paper.experiments]


def _keys(context: click.Context) -> Iterable[tuple[str, str]]:
    from papers import bibliography

    return [(entry.key, entry.title) for entry in bibliography.load()]


def _data_sets(context: click.Context) -> Iterable[tuple[str, str]]:
    from implementations.data.sources import DATA_SETS

    return [(data_set.name, data_set.title) for data_set in DATA_SETS.values()]


complete_slugs = _completion(_slugs)
complete_claims = _completion(_claims)
complete_experiments = _completion(_experiments)
complete_keys = _completion(_keys)
complete_data_sets = _completion(_data_sets)
