"""Where the data sets come from, and how their files are found, downloaded and checked.

A file counts only if its SHA-256 is the known one: either that of the file as published or, where a data set is
published gzipped, that of the unpacked content under the name without `.gz` (torchvision leaves both). A file of the
right name and another hash is an error that names both hashes; it is never passed over and never replaced.

Data sets are looked for in the directory that the caller names, then in `PAPERS_DATA_DIR`, then in the user's cache;
in each of them under `<data set>/`, at the top, and where torchvision puts the files. Needs neither torch nor numpy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from papers.errors import Problem, UserError

DIRECTORY_VARIABLE = "PAPERS_DATA_DIR"

CONNECT_TIMEOUT = 10.0  # seconds until a mirror must have accepted the connection
STALL_TIMEOUT = 20.0  # seconds without a single byte after which a mirror is given up
SLOWEST_MIRROR = 50_000.0  # bytes a second, on average, below which a mirror is given up

Progress = Callable[[str, int, int], None]
"""Called while a file is downloaded: its name, the bytes received so far, the bytes in all."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set, as published.

    Attributes:
        name: Its published name.
        sha256: SHA-256 of its bytes.
        size: Its length in bytes.
        urls: Addresses to download it from, in the order in which they are tried.
        unpacked_sha256: SHA-256 of its content, if it is gzipped and may lie unpacked under its name without `.gz`.
    """

    name: str
    sha256: str
    size: int
    urls: tuple[str, ...] = ()
    unpacked_sha256: str = ""

    def accepted(self) -> dict[str, str]:
        """Return the file names under which it may be found, each with the SHA-256 it must then have."""
        names = {self.name: self.sha256}
        if self.unpacked_sha256:
            names[self.name.removesuffix(".gz")] = self.unpacked_sha256
        return names


@dataclass(frozen=True)
class DataSet:
    """What is known of a data set before any of its files is opened.

    Attributes:
        name: The name used in `paper.toml`, in records and on the command line.
        title: The name people know it by.
        description: What it holds, in a sentence or two.
        source: Address of the page that describes it.
        citation: Its key in `references.bib`, or empty.
        licence: Under what terms it is given, or what is known of that.
        splits: Its parts and how many examples each has.
        files: The files that make it up.
        exact: Whether these are the very data that the papers here name, rather than a stand-in.
        note: What a reader of a result measured on it should know.
        folders: Folders in which other tools put the files, relative to a data directory.
        distribution: Name of the Python distribution that ships the files, if one does; nothing is then downloaded.
        module: Import name of that distribution's package.
        module_folder: Where in the package the files lie.
    """

    name: str
    title: str
    description: str
    source: str
    citation: str
    licence: str
    splits: Mapping[str, int]
    files: tuple[DataFile, ...]
    exact: bool
    note: str = ""
    folders: tuple[str, ...] = ()
    distribution: str = ""
    module: str = ""
    module_folder: str = ""

    @property
    def size(self) -> int:
        """Length of all files together, in bytes."""
        return sum(file.size for file in self.files)


def _mnist_file(name: str, sha256: str, unpacked_sha256: str, size: int) -> DataFile:
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    return DataFile(name, sha256, size, tuple(mirror + name for mirror in mirrors), unpacked_sha256)


DATA_SETS: dict[str, DataSet] = {
    "digits": DataSet(
        name="digits",
        title="Optical recognition of handwritten digits",
        description="1,797 handwritten digits by 13 people, 8×8 pixels of 17 grey levels: the test part of the UCI data"
        " set of that name, as scikit-learn ships it.",
        source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        citation="",
        licence="CC BY 4.0",
        splits={"train": 1437, "test": 360},
        files=(DataFile("digits.csv.gz", "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22", 57_523),),
        exact=False,
        note="Small images of other people's digits than MNIST's, split here by a fixed rule: shows that a network"
        " trains, and says nothing about a paper's error rates.",
        distribution="scikit-learn",
        module="sklearn",
        module_folder="datasets/data",
    ),
    "mnist": DataSet(
        name="mnist",
        title="MNIST",
        description="60,000 handwritten digits to train on and 10,000 to test on, 28×28 pixels of 256 grey levels,"
        " centred by their centre of mass.",
        source="http://yann.lecun.com/exdb/mnist/",
        citation="lecun1998gradient",
        licence="none stated by its authors; often given as CC BY-SA 3.0",
        splits={"train": 60_000, "test": 10_000},
        files=(
            _mnist_file(
                "train-images-idx3-ubyte.gz",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                9_912_422,
            ),
            _mnist_file(
                "train-labels-idx1-ubyte.gz",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                28_881,
            ),
            _mnist_file(
                "t10k-images-idx3-ubyte.gz",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                1_648_877,
            ),
            _mnist_file(
                "t10k-labels-idx1-ubyte.gz",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                4_542,
            ),
        ),
        exact=True,
        folders=("MNIST/raw",),
    ),
}


@dataclass(frozen=True)
class LocatedDataSet:
    """A data set whose files are all there and have the right hashes.

    Attributes:
        name: Its name.
        directory: The data directory in which it was found.
        how: Why that directory was looked in, for people to read.
        paths: Where each file is, by its published name.
    """

    name: str
    directory: Path
    how: str
    paths: Mapping[str, Path]


@dataclass(frozen=True)
class FileReport:
    """What was found of one file.

    Attributes:
        file: Its published name.
        status: Whether it is there and right.
        path: Where it is, or None if it is missing.
        expected: The SHA-256 it must have.
        found: The SHA-256 it has, or empty if it is missing.
    """

    file: str
    status: Literal["ok", "missing", "wrong hash"]
    path: Path | None
    expected: str
    found: str


@dataclass(frozen=True)
class Verification:
    """What was found of a data set in the one directory that a run would read it from.

    Attributes:
        name: Its name.
        directory: The directory reported on.
        how: Why that directory was looked in, for people to read.
        files: One report a file, in the order of the data set.
    """

    name: str
    directory: Path
    how: str
    files: tuple[FileReport, ...]

    @property
    def ok(self) -> bool:
        """Whether every file is there and has the right hash."""
        return all(report.status == "ok" for report in self.files)

    @property
    def damaged(self) -> bool:
        """Whether a file is there that does not have the right hash."""
        return any(report.status == "wrong hash" for report in self.files)


def find_data_set(name: str) -> DataSet:
    """Return the data set of this name.

    Raises:
        UserError: If there is none; the nearest name is suggested.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    import difflib

    near = difflib.get_close_matches(name, DATA_SETS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(DATA_SETS))}."
    raise UserError(f"There is no data set {name!r}; {hint}")


def cache_directory() -> Path:
    """Return the directory in the user's cache that holds downloaded data sets; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("papers-reproduced", appauthor=False)


def locate(name: str, data_dir: Path | str | None = None) -> LocatedDataSet:
    """Find a data set on this machine and check its files; downloads nothing.

    Args:
        name: The data set.
        data_dir: A directory to look in before `PAPERS_DATA_DIR` and the user's cache.

    Raises:
        UserError: If it is not there, a file has the wrong hash, or a directory named by the user does not exist.
    """
    data_set = find_data_set(name)
    located = _search(data_set, data_dir)
    if located is None:
        raise UserError(
            f"{data_set.title} was not found in {_places(data_set, data_dir)}; `papers data fetch {name}` downloads it"
            f" ({_megabytes(data_set.size)}), or name the directory that holds it with --data-dir or in"
            f" {DIRECTORY_VARIABLE}."
        )
    return located


def verify(name: str, data_dir: Path | str | None = None) -> Verification:
    """Report on each file of a data set, in the directory that a run would read it from.

    That is the first directory which holds all of it or a damaged file; failing that, the one that holds most of it.

    Raises:
        UserError: If a directory named by the user does not exist, or a file cannot be read.
    """
    data_set = find_data_set(name)
    surveys = [_survey(data_set, directory, how) for directory, how in _directories(data_set, data_dir)]
    for survey in surveys:
        if survey.ok or survey.damaged:
            return survey
    return max(surveys, key=lambda survey: sum(report.status == "ok" for report in survey.files))


def fetch(name: str, data_dir: Path | str | None = None, progress: Progress | None = None) -> LocatedDataSet:
    """Make sure that one directory holds a data set, downloading the files it lacks.

    The directory is `data_dir` (created if need be), or else `PAPERS_DATA_DIR`, or else the user's cache; the files go
    to a folder named after the data set in it. Each file appears only when it is complete and its hash is right.

    Args:
        name: The data set.
        data_dir: The directory that shall hold it.
        progress: Told of every piece that arrives.

    Raises:
        UserError: If no mirror delivers a file, the directory cannot be written, or a file there has the wrong hash.
    """
    data_set = find_data_set(name)
    if data_dir is not None and not data_set.module:
        _make_directory(Path(data_dir))
    directory, how = _directories(data_set, data_dir)[0]
    survey = _survey(data_set, directory, how)
    _refuse_damage(data_set, survey)
    for file, report in zip(data_set.files, survey.files, strict=True):
        if report.status == "missing":
            _download(data_set, file, directory, progress)
    survey = _survey(data_set, directory, how)
    _refuse_damage(data_set, survey)
    return _located(survey)


def find_or_fetch(
    name: str,
    data_dir: Path | str | None = None,
    say: Callable[[str], None] = print,
    progress: Progress | None = None,
) -> LocatedDataSet:
    """Find a data set or download it, saying where it is, what is downloaded, and why that is trusted.

    Args:
        name: The data set.
        data_dir: A directory to look in first, and to download to.
        say: Called with each sentence.
        progress: Told of every piece that arrives.

    Raises:
        UserError: As `locate` and `fetch` do; a `data_dir` that does not exist is an error here.
    """
    data_set = find_data_set(name)
    located = _search(data_set, data_dir)
    if located is not None:
        say(f"{data_set.title}: found in {located.directory} ({located.how}), SHA-256 of every file checked.")
        return located
    directory, how = _directories(data_set, data_dir)[0]
    hosts = dict.fromkeys(urlsplit(url).hostname or url for file in data_set.files for url in file.urls)
    if hosts:
        say(
            f"{data_set.title}: not found in {_places(data_set, data_dir)}; downloading {_megabytes(data_set.size)}"
            f" to {directory / name} ({how}) from {', else '.join(hosts)};"
            " a file is kept only if its SHA-256 is the known one."
        )
    located = fetch(name, data_dir, progress)
    say(f"{data_set.title}: downloaded, SHA-256 of every file checked.")
    return located


def identity(name: str, located: LocatedDataSet) -> dict[str, object]:
    """Return what a record says of a data set: its name, the SHA-256 of the files that were read, and a note.

    The hashes are the known ones, which `locate` and `fetch` have held the files against.
    """
    data_set = find_data_set(name)
    hashes: dict[str, str] = {}
    for file in data_set.files:
        read = located.paths[file.name].name
        hashes[read] = file.accepted()[read]
    unpacked = [file.name for file in data_set.files if file.name not in hashes]
    notes = [data_set.note] if data_set.note else []
    if unpacked:
        notes.append("Read from unpacked files, whose content is that of the published ones.")
    return {"name": name, "files": hashes, "note": " ".join(notes)}


def unpack_tar(archive: Path, directory: Path) -> Path:
    """Unpack a tar archive (of any compression) into a directory that appears only when all of it is there.

    Only plain files and folders are unpacked, and Python's `data` filter keeps them inside the directory. (pooch has
    an `Untar` of its own, which on Python 3.11 writes wherever the archive says.)

    Args:
        archive: The archive, its hash already checked: one cut off between two members looks whole.
        directory: The directory to create; it must not exist yet.

    Returns:
        The directory.

    Raises:
        UserError: If the archive is damaged or holds anything else, or the directory exists or cannot be written.
    """
    import tarfile
    import tempfile

    if directory.exists():
        raise UserError(Problem("already exists; move it away to unpack anew.", directory))
    if not hasattr(tarfile, "data_filter"):
        raise UserError("This Python cannot unpack archives safely; update it to 3.11.4 or later.")
    _make_directory(directory.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as temporary:
            content = Path(temporary) / "content"
            with tarfile.open(archive) as tar:
                for member in tar:
                    if not (member.isfile() or member.isdir()):
                        raise UserError(
                            Problem(f"holds {member.name!r}, which is neither a file nor a folder.", archive)
                        )
                    tar.extract(member, content, filter="data")
            content.mkdir(exist_ok=True)  # an empty archive
            content.rename(directory)
    except tarfile.FilterError as error:
        raise UserError(Problem(f"would write outside its directory: {error}.", archive)) from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UserError(Problem(f"is not a whole tar archive: {error}.", archive)) from None
    except OSError as error:
        raise UserError(Problem(f"cannot be unpacked to {directory}: {_reason(error)}.", archive)) from None
    return directory


def _directories(data_set: DataSet, data_dir: Path | str | None) -> list[tuple[Path, str]]:
    """Return the directories to look in, first one first, each with why."""
    named = [
        (data_dir, "named with --data-dir"),
        (os.environ.get(DIRECTORY_VARIABLE), f"named in {DIRECTORY_VARIABLE}"),
    ]
    directories = [(Path(directory).expanduser(), how) for directory, how in named if directory]
    for directory, how in directories:
        if not directory.is_dir():
            problem = "is not a directory" if directory.exists() else "does not exist"
            raise UserError(f"The data directory {directory}, {how}, {problem}.")
    if data_set.module:
        return [_shipped(data_set)]
    return [*directories, (cache_directory(), "the user's cache")]


def _shipped(data_set: DataSet) -> tuple[Path, str]:
    """Return the folder of a data set that an installed distribution ships, without importing it."""
    specification = importlib.util.find_spec(data_set.module)
    if specification is None or specification.origin is None:
        raise UserError(
            f"{data_set.title} comes with {data_set.distribution}, which is not installed:"
            f" `pip install {data_set.distribution}`."
        )
    from importlib.metadata import version

    return Path(
        specification.origin
    ).parent / data_set.module_folder, f"shipped with {data_set.distribution} {version(data_set.distribution)}"


def _search(data_set: DataSet, data_dir: Path | str | None) -> LocatedDataSet | None:
    """Return the first directory that holds all of a data set; a damaged file on the way is an error."""
    for directory, how in _directories(data_set, data_dir):
        survey = _survey(data_set, directory, how)
        _refuse_damage(data_set, survey)
        if survey.ok:
            return _located(survey)
    return None


def _survey(data_set: DataSet, directory: Path, how: str) -> Verification:
    folders = (directory / data_set.name, directory, *(directory / folder for folder in data_set.folders))
    reports = tuple(_inspect(file, folders) for file in data_set.files)
    return Verification(data_set.name, directory, how, reports)


def _inspect(file: DataFile, folders: tuple[Path, ...]) -> FileReport:
    """Report on the first file of an accepted name."""
    for folder in folders:
        for name, expected in file.accepted().items():
            path = folder / name
            try:
                if path.is_file():
                    with path.open("rb") as stream:
                        found = hashlib.file_digest(stream, "sha256").hexdigest()
                    return FileReport(file.name, "ok" if found == expected else "wrong hash", path, expected, found)
            except OSError as error:
                raise UserError(Problem(f"cannot be read: {_reason(error)}.", path)) from None
    return FileReport(file.name, "missing", None, file.sha256, "")


def _refuse_damage(data_set: DataSet, survey: Verification) -> None:
    problems = [
        Problem(
            f"is not the file of {data_set.title} that it is named after: its SHA-256 is {report.found} and should be"
            f" {report.expected}; move it away, and `papers data fetch {data_set.name}` downloads the right one.",
            report.path,
        )
        for report in survey.files
        if report.status == "wrong hash"
    ]
    if problems:
        raise UserError(*problems)


def _located(survey: Verification) -> LocatedDataSet:
    paths = {report.file: report.path for report in survey.files if report.path is not None}
    return LocatedDataSet(survey.name, survey.directory, survey.how, paths)


def _places(data_set: DataSet, data_dir: Path | str | None) -> str:
    return ", ".join(f"{directory} ({how})" for directory, how in _directories(data_set, data_dir))


class _MirrorError(Exception):
    """One mirror did not deliver; the next is tried."""


def _download(data_set: DataSet, file: DataFile, directory: Path, progress: Progress | None) -> None:
    """Download one file to the data set's folder from the first mirror that delivers it."""
    if not file.urls:
        remedy = f"reinstall {data_set.distribution}" if data_set.distribution else "put it there by other means"
        raise UserError(f"{file.name} of {data_set.title} is not in {directory} and cannot be downloaded; {remedy}.")
    import pooch

    pooch.get_logger().setLevel("WARNING")
    folder = directory / data_set.name
    _make_directory(folder)

    def receive(url: str, destination: str, _: object) -> None:
        _receive(url, Path(destination), file, progress)

    failures = []
    for url in file.urls:
        try:
            # pooch writes to a temporary file in the folder and renames it only when the hash is right.
            pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=receive)
        except _MirrorError as failure:
            failures.append(f"{url}: {failure}")
        except OSError as error:
            raise UserError(
                f"{file.name} cannot be written to {folder}: {_reason(error)};"
                " make room or name another directory with --data-dir."
            ) from None
        else:
            (folder / file.name).chmod(0o644)  # temporary files are the owner's alone; data are for everyone
            return
    raise UserError(
        f"{file.name} of {data_set.title} could not be downloaded ({'; '.join(failures)}); try again later, or get the"
        f" files {', '.join(each.name for each in data_set.files)} by other means and put them into {folder}."
    )


def _receive(url: str, destination: Path, file: DataFile, progress: Progress | None) -> None:
    """Write what a mirror sends to a file, as long as it is fast enough, not too long, and the right content."""
    import requests
    import urllib3

    deadline = time.monotonic() + CONNECT_TIMEOUT + STALL_TIMEOUT + file.size / SLOWEST_MIRROR
    # Somewhat more than expected is read, so that the message can give the hash of a wrong file of about that size.
    limit = 2 * file.size + 1_000_000
    digest = hashlib.sha256()
    received = 0
    with destination.open("wb") as stream:
        try:
            # The bytes are wanted as stored: some servers declare a .gz file's own compression as the transfer's.
            response = requests.get(
                url, stream=True, timeout=(CONNECT_TIMEOUT, STALL_TIMEOUT), headers={"Accept-Encoding": "identity"}
            )
        except requests.RequestException as error:
            raise _MirrorError(_network_reason(error)) from None
        with response:
            if response.status_code != 200:
                raise _MirrorError(f"answered {response.status_code} {response.reason}")
            announced = response.headers.get("Content-Length", "")
            while True:
                try:
                    piece = response.raw.read1(1 << 16, decode_content=False)
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    raise _MirrorError(f"{_network_reason(error)} after {received:,} bytes") from None
                if not piece:
                    break
                received += len(piece)
                if received > limit:
                    raise _MirrorError(f"sends more than the {file.size:,} bytes of the file")
                if time.monotonic() > deadline:
                    raise _MirrorError(f"too slow, {received:,} of {file.size:,} bytes received")
                digest.update(piece)
                stream.write(piece)
                if progress is not None:
                    progress(file.name, received, file.size)
    if announced.isdecimal() and received < int(announced):
        raise _MirrorError(f"broke off after {received:,} of {int(announced):,} bytes")
    if digest.hexdigest() != file.sha256:
        raise _MirrorError(f"sent another file, with SHA-256 {digest.hexdigest()} instead of {file.sha256}")


def _network_reason(error: Exception) -> str:
    """Say in a few words why a connection failed."""
    import requests
    import urllib3

    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return "redirects without end"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    cause = error.args[0] if error.args else error
    cause = getattr(cause, "reason", cause)
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        return "no connection"
    if isinstance(error, (requests.ConnectionError, urllib3.exceptions.ProtocolError, OSError)):
        return "the connection broke"
    return str(error)


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The directory {directory} cannot be made: {_reason(error)}.") from None


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):  # pooch raises one of its own, in several sentences
        return "Permission denied"
    return error.strerror or str(error)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
