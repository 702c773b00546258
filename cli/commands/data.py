"""`papers data list | fetch | verify`: the data sets that experiments read."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from cli.completion import complete_data_sets
from cli.output import format_option, print_heading, print_json, print_pairs, print_prose, print_table, print_title
from cli.status import FINISHED, NOT_REPRODUCED

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="The directory that holds the data sets, or shall hold them.",
)


@click.group(
    name="data",
    epilog="Looked for in --data-dir, then in the directory that PAPERS_DATA_DIR names, then in the user's cache; each"
    " with or without a folder named after the data set, or in torchvision's layout. A file counts only with the right"
    " SHA-256.",
)
def command() -> None:
    """List, download or check data sets.

    \b
    Examples:
      papers data list
      papers data fetch mnist --data-dir ~/data
      papers data verify
    """


@command.command("list", epilog="From Python: implementations.data.sources.DATA_SETS")
@format_option
def list_(output_format: str) -> int:
    """List the data sets with source, licence, size and splits."""
    from implementations.data.sources import DATA_SETS

    if output_format == "json":
        print_json(list(DATA_SETS.values()))
        return FINISHED
    for number, data_set in enumerate(DATA_SETS.values()):
        (print_heading if number else print_title)(f"{data_set.name} · {data_set.title}")
        print_prose(data_set.description, indent=2)
        print_pairs(
            [
                ("splits", ", ".join(f"{name} {count:,}" for name, count in data_set.splits.items())),
                ("size", size_text(data_set.size)),
                ("source", data_set.source),
                ("licence", data_set.licence),
                ("comes with", data_set.distribution),
                ("note", data_set.note),
            ],
            indent=2,
        )
    return FINISHED


@command.command(epilog="From Python: implementations.data.sources.fetch(name, data_dir)")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_data_sets)
@data_dir_option
@format_option
def fetch(names: tuple[str, ...], data_dir: Path | None, output_format: str) -> int:
    """Download data sets, unless they are there, and check every file."""
    from cli.progress import ProgressLine
    from implementations.data.sources import fetch, find_data_set

    for name in names:
        find_data_set(name)  # a wrong name is told before anything is downloaded
    line = ProgressLine()
    current = ""

    def advance(file: str, received: int, size: int) -> None:
        nonlocal current
        if file != current:
            current = file
            line.start(f"{file}, bytes", size)
        line.advance(received)
        if received >= size:
            line.finish()

    with closing(line):
        located = [fetch(name, data_dir, advance) for name in names]
    if output_format == "json":
        print_json(located)
        return FINISHED
    for found in located:
        print_prose(f"{found.name}: {len(found.paths)} files in {found.directory} ({found.how}), every SHA-256 right.")
    return FINISHED


@command.command(epilog="From Python: implementations.data.sources.verify(name, data_dir)")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_data_sets)
@data_dir_option
@format_option
def verify(names: tuple[str, ...], data_dir: Path | None, output_format: str) -> int:
    """Check the files of data sets (all, unless named) against their SHA-256; one missing or wrong exits with 1."""
    from implementations.data.sources import DATA_SETS, verify

    reports = [verify(name, data_dir) for name in names or DATA_SETS]
    if output_format == "json":
        print_json(reports)
    else:
        for number, report in enumerate(reports):
            (print_heading if number else print_title)(f"{report.name} · {report.directory} ({report.how})")
            print_table(["file", "status"], [[file.file, file.status] for file in report.files], indent=2)
            for file in report.files:
                if file.status == "wrong hash":
                    print_prose(f"{file.path}: SHA-256 is {file.found}, should be {file.expected}", indent=2)
    return FINISHED if all(report.ok for report in reports) else NOT_REPRODUCED


def size_text(size: int) -> str:
    """Return a number of bytes as people say it."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"
