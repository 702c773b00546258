"""The `papers` command: finds the subcommand, and turns every failure into one sentence and an exit status."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import IO, NoReturn

import click

from cli.output import complain
from cli.status import BAD_INPUT, FINISHED, INTERRUPTED, READER_GONE, RUN_FAILED
from papers import __version__
from papers.errors import UserError

COMMANDS = (
    "list",
    "show",
    "search",
    "claims",
    "diff",
    "reproduce",
    "publish",
    "verify",
    "data",
    "cite",
    "check",
    "new",
)

HELP = """A knowledge base of deep-learning papers in which every number can be run.

\b
Examples:
  papers list                    which papers there are
  papers show lenet              what one of them says, and what holds
  papers reproduce lenet         train it, and judge its claims
  papers claims lenet L6         one claim, its rule and its evidence
"""

EPILOG = """Exit status: 0 all reproduced, or read; 1 something was not reproduced, or a check found problems; 2 wrong
usage or bad input; 3 an error in a run; 130 interrupted.

Shell completion: eval "$(_PAPERS_COMPLETE=bash_source papers)"  (zsh_source, fish_source)"""


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is asked for, so that one command never pays for another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands, in the order in which the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `cli.commands.<name>` and return its `command`, or None if there is no such subcommand."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; a wrong name is answered with the nearest right one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            from papers.schema import did_you_mean

            ctx.fail(f"there is no command `{name}`{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; click itself would end a broken pipe with status 1, which means something else here."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error


class ReaderGone(Exception):
    """The program that read the output closed it, as `head` does."""


@click.group(cls=LazyGroup, help=HELP, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="papers", message="%(prog)s %(version)s")
def papers() -> None:
    """Serve as the entry point; the help text is above."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `papers` with these arguments (those of the process unless given) and exit with its status."""
    gc.disable()  # a reading command ends before a collection pays; `reproduce` switches it on again
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character gets '?', not a crash
    status = _status_of(arguments)
    try:
        if sys.stdout is not None:  # None where the caller has closed it
            sys.stdout.flush()
    except OSError as error:
        status = _explain(error)
    sys.exit(status)


def _status_of(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit status; every exception ends here."""
    try:
        colour = False if os.environ.get("NO_COLOR") else None  # None: only where the output is a terminal
        result = papers.main(arguments, prog_name="papers", standalone_mode=False, color=colour)
    except UserError as error:
        for problem in error.problems:
            complain(str(problem))
        return BAD_INPUT
    except click.ClickException as error:
        error.show()
        return BAD_INPUT
    except (click.exceptions.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except ReaderGone:
        _discard(sys.stdout)
        return READER_GONE
    except OSError as error:
        return _explain(error)
    except Exception as error:
        if os.environ.get("PAPERS_DEBUG"):
            raise
        complain(
            f"{type(error).__name__}: {error}. This is a mistake in the program, not in what you did; "
            "run the command again with PAPERS_DEBUG=1 to see where, and report it."
        )
        return RUN_FAILED
    return result if isinstance(result, int) else FINISHED


def _explain(error: OSError) -> int:
    """Say in one sentence what the system refused, and return the exit status."""
    if error.errno == errno.EPIPE:
        _discard(sys.stdout)
        return READER_GONE
    what = error.strerror or str(error)
    if error.filename is None:
        _discard(sys.stdout)
        complain(f"cannot write the output: {what}")
    else:
        complain(f"{error.filename}: {what}")
    return BAD_INPUT


def _discard(stream: IO[str]) -> None:
    """Send what is still buffered nowhere, so that the interpreter does not fail on it again at its end."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
