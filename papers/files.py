"""Files read and written whole, with one sentence for everything that can go wrong."""

from __future__ import annotations

import os
from pathlib import Path

from papers.errors import Problem, UserError


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with plain line ends.

    Args:
        path: The file to read.

    Returns:
        The whole text; a byte-order mark is dropped and every line ends in a single newline.

    Raises:
        UserError: If the file is missing, unreadable or not UTF-8 (with the line of the first bad byte).
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(Problem("the file is missing", path)) from None
    except OSError as error:
        raise UserError(Problem(f"the file cannot be read: {reason(error)}", path)) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(Problem("the file is not UTF-8 text; save it as UTF-8", path, line)) from None
    return text.replace("\r\n", "\n")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that nobody ever sees a part of it: the old content stays until the new one is complete.

    Args:
        path: The file to write; missing folders above it are made.
        content: Text (written as UTF-8) or bytes.

    Raises:
        UserError: If it cannot be written, for example because the disk is full or the folder read-only.
    """
    import tempfile  # brings much along that reading does not need

    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise UserError(Problem(f"the file cannot be written: {reason(error)}; nothing was changed", path)) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """Return what the operating system says about an error, without its number and path."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _umask() -> int:
    """Return the permission bits that the user wants withheld from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
