"""`papers publish`: put the record of a run among the published ones."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import format_option, print_json, print_prose, shown_path
from cli.status import FINISHED


@click.command(name="publish", epilog="From Python: papers.evidence.publish(path)")
@click.argument("record", type=click.Path(exists=True, path_type=Path))
@format_option
def command(record: Path, output_format: str) -> int:
    """Put the RECORD of a run among the published ones.

    RECORD is the file, or the folder of the run; `papers show` and the site read what is published.

    A damaged or edited record, a failed run, and one that ran with other settings than the paper's file has, are
    refused; so is one that is published already.

    \b
    Examples:
      papers publish runs/lenet/mnist-small/20261121-120000
    """
    from papers import evidence

    published = evidence.publish(record)
    if output_format == "json":
        print_json({"published": published})
        return FINISHED
    slug = published.parent.parent.name
    print_prose(
        f"Published as {shown_path(published)}; the table of verdicts beside it is renewed. See: papers claims {slug}"
    )
    return FINISHED
