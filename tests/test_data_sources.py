"""Finding, downloading and checking data sets, against a server on this machine and no other."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import resource
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from implementations.data import sources
from implementations.data.sources import DATA_SETS, DataFile, DataSet
from papers.errors import UserError

ROOT = Path(__file__).parent.parent
CONTENT = {"a.gz": gzip.compress(b"first" * 1000, mtime=0), "b": bytes(range(256)) * 1200}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def register(monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> DataSet:
    """Make a data set of two files, one of them gzipped, known under the name `toy`."""
    urls = {name: tuple(f"{mirror}/{name}" for mirror in mirrors) for name in CONTENT}
    files = (
        DataFile("a.gz", sha256(CONTENT["a.gz"]), len(CONTENT["a.gz"]), urls["a.gz"], sha256(b"first" * 1000)),
        DataFile("b", sha256(CONTENT["b"]), len(CONTENT["b"]), urls["b"]),
    )
    toy = DataSet("toy", "Toy", "", "", "", "", {}, files, exact=True, note="A toy.", folders=("Other/raw",))
    monkeypatch.setitem(DATA_SETS, "toy", toy)
    return toy


def put(folder: Path, **changed: bytes) -> Path:
    """Write the files of the toy into a folder, the named ones (`a` or `b`) with other content."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(changed.get(name[0], content))
    return folder


def files_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand in for the user's cache, and let nobody talk to another machine."""
    resolve = socket.getaddrinfo

    def only_here(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "127.0.0.1":
            raise AssertionError(f"a test asked for {host}")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("PAPERS_DATA_DIR", raising=False)
    monkeypatch.setattr(sources, "cache_directory", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@dataclass
class Server:
    """A web server on this machine; `answers` says what each first part of a path does."""

    address: str
    answers: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def mirror(self, name: str) -> str:
        return f"{self.address}/{name}"


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            _, mirror, name = self.path.split("/")
            state.answers[mirror](self, CONTENT[name])

        def log_message(self, format: str, *args: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    state = Server(f"http://127.0.0.1:{running.server_port}")
    state.answers["good"] = send
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    running.shutdown()
    thread.join()
    running.server_close()


def send(request: BaseHTTPRequestHandler, content: bytes, length: int | None = None, **headers: str) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(content) if length is None else length))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(content)


# The registry


@pytest.mark.parametrize("name", sorted(DATA_SETS))
def test_every_data_set_is_described_in_full(name: str) -> None:
    data_set = DATA_SETS[name]
    assert data_set.name == name
    assert data_set.title
    assert data_set.description
    assert data_set.licence
    assert data_set.source.startswith("http")
    assert sum(data_set.splits.values()) > 0
    assert data_set.files
    for file in data_set.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert re.fullmatch("([0-9a-f]{64})?", file.unpacked_sha256)
        assert file.size > 0
        assert file.urls or data_set.distribution
        assert all(url.endswith("/" + file.name) for url in file.urls)
    bibliography = (ROOT / "references.bib").read_text(encoding="utf-8")
    assert not data_set.citation or f"{{{data_set.citation}," in bibliography


def test_looking_for_data_imports_neither_torch_nor_numpy() -> None:
    code = """
import sys
from implementations.data import sources
sources.find_or_fetch("digits")
print(sorted({"torch", "numpy", "sklearn", "pooch", "requests"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_unknown_name_is_met_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'mnist'"):
        sources.locate("mnits")
    with pytest.raises(UserError, match="there are digits, mnist"):
        sources.locate("imagenet")


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "papers-reproduced" in str(sources.cache_directory())


# Looking


@pytest.mark.parametrize("folder", ["toy", ".", "Other/raw"])
def test_each_layout_is_recognised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str) -> None:
    register(monkeypatch)
    put(tmp_path / folder)
    located = sources.locate("toy", tmp_path)
    assert located.paths == {name: tmp_path / folder / name for name in CONTENT}
    assert located.directory == tmp_path
    assert "--data-dir" in located.how


def test_torchvisions_directory_is_recognised_for_mnist() -> None:
    assert "MNIST/raw" in DATA_SETS["mnist"].folders


def test_unpacked_files_count_by_the_hash_of_their_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    register(monkeypatch)
    put(tmp_path)
    (tmp_path / "a.gz").unlink()
    (tmp_path / "a").write_bytes(b"first" * 1000)
    assert sources.locate("toy", tmp_path).paths["a.gz"] == tmp_path / "a"
    (tmp_path / "a").write_bytes(b"first" * 1000 + b"!")
    with pytest.raises(UserError) as caught:
        sources.locate("toy", tmp_path)
    assert sha256(b"first" * 1000) in str(caught.value)
    assert sha256(b"first" * 1000 + b"!") in str(caught.value)


def test_the_named_directory_goes_before_the_variable_and_that_before_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    register(monkeypatch)
    named, variable = put(tmp_path / "named"), put(tmp_path / "variable")
    put(cache)
    assert sources.locate("toy").directory == cache
    monkeypatch.setenv("PAPERS_DATA_DIR", str(variable))
    assert sources.locate("toy").directory == variable
    assert "PAPERS_DATA_DIR" in sources.locate("toy").how
    assert sources.locate("toy", named).directory == named
    (named / "b").unlink()
    assert sources.locate("toy", named).directory == variable


def test_what_is_not_found_is_said_with_every_place_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    register(monkeypatch)
    with pytest.raises(UserError) as caught:
        sources.locate("toy", tmp_path)
    for part in (str(tmp_path), str(cache), "papers data fetch toy", "--data-dir", "PAPERS_DATA_DIR"):
        assert part in str(caught.value)


@pytest.mark.parametrize("damage", [b"", CONTENT["b"][:-1], CONTENT["b"] + b"\0", b"\1" + CONTENT["b"][1:]])
def test_a_wrong_file_is_refused_with_both_hashes_and_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path, damage: bytes
) -> None:
    register(monkeypatch)
    put(tmp_path, b=damage)
    put(cache)  # a right copy elsewhere is no excuse
    for look in (sources.locate, sources.fetch, sources.find_or_fetch):
        with pytest.raises(UserError) as caught:
            look("toy", tmp_path)
        message = str(caught.value)
        assert str(tmp_path / "b") in message
        assert sha256(damage) in message
        assert sha256(CONTENT["b"]) in message
    assert (tmp_path / "b").read_bytes() == damage


def test_all_wrong_files_are_reported_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    register(monkeypatch)
    put(tmp_path, a=b"x", b=b"y")
    with pytest.raises(UserError) as caught:
        sources.locate("toy", tmp_path)
    assert [problem.path for problem in caught.value.problems] == [tmp_path / "a.gz", tmp_path / "b"]


@pytest.mark.parametrize("name", ["toy", "digits"])
def test_a_directory_named_in_vain_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    register(monkeypatch)
    missing, plain = tmp_path / "missing", tmp_path / "plain"
    plain.write_text("a file")
    with pytest.raises(UserError, match="missing, named with --data-dir, does not exist"):
        sources.find_or_fetch(name, missing)
    with pytest.raises(UserError, match="plain, named with --data-dir, is not a directory"):
        sources.locate(name, plain)
    monkeypatch.setenv("PAPERS_DATA_DIR", str(missing))
    with pytest.raises(UserError, match="missing, named in PAPERS_DATA_DIR, does not exist"):
        sources.verify(name)


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    register(monkeypatch)
    put(tmp_path)
    monkeypatch.setattr(hashlib, "file_digest", fail)
    with pytest.raises(UserError, match=r"a\.gz: cannot be read: Input/output error"):
        sources.locate("toy", tmp_path)


def test_verify_reports_file_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    register(monkeypatch)
    empty = sources.verify("toy", tmp_path)
    assert [report.status for report in empty.files] == ["missing", "missing"]
    assert not empty.ok
    put(tmp_path, b=b"other")
    damaged = sources.verify("toy", tmp_path)
    assert [report.status for report in damaged.files] == ["ok", "wrong hash"]
    assert damaged.files[1].expected == sha256(CONTENT["b"])
    assert damaged.files[1].found == sha256(b"other")
    assert not damaged.ok
    put(tmp_path)
    assert sources.verify("toy", tmp_path).ok


def test_verify_reports_on_the_directory_that_a_run_would_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    register(monkeypatch)
    put(cache)
    assert sources.verify("toy", tmp_path).directory == sources.locate("toy", tmp_path).directory == cache
    put(tmp_path, a=b"other")
    assert sources.verify("toy", tmp_path).directory == tmp_path


def test_a_record_names_the_files_that_were_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    register(monkeypatch)
    put(tmp_path)
    hashes = {name: sha256(content) for name, content in CONTENT.items()}
    located = sources.locate("toy", tmp_path)
    assert sources.identity("toy", located) == {"name": "toy", "files": hashes, "note": "A toy."}
    (tmp_path / "a.gz").unlink()
    (tmp_path / "a").write_bytes(b"first" * 1000)
    item = sources.identity("toy", sources.locate("toy", tmp_path))
    assert item["files"] == {"a": sha256(b"first" * 1000), "b": hashes["b"]}
    assert "unpacked" in str(item["note"])


def test_the_digits_come_with_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    located = sources.fetch("digits")
    assert located.paths["digits.csv.gz"].parent == located.directory
    assert "scikit-learn" in located.how
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install scikit-learn"):
        sources.locate("digits")


def test_digits_that_scikit_learn_lost_are_not_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "_shipped", lambda _: (tmp_path, "shipped"))
    said: list[str] = []
    with pytest.raises(UserError, match="reinstall scikit-learn"):
        sources.find_or_fetch("digits", say=said.append)
    assert said == []


# Downloading


def test_a_download_is_complete_checked_and_told(
    monkeypatch: pytest.MonkeyPatch, cache: Path, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    register(monkeypatch, server.mirror("good"))
    said: list[str] = []
    told: list[tuple[str, int, int]] = []
    located = sources.find_or_fetch("toy", say=said.append, progress=lambda *step: told.append(step))
    assert {name: path.read_bytes() for name, path in located.paths.items()} == CONTENT
    assert files_below(cache) == ["toy/a.gz", "toy/b"]
    assert (cache / "toy" / "b").stat().st_mode & 0o777 == 0o644
    assert "127.0.0.1" in said[0]
    assert str(cache / "toy") in said[0]
    assert "SHA-256" in said[0]
    assert told[-1] == ("b", len(CONTENT["b"]), len(CONTENT["b"]))
    assert told == sorted(told)
    assert capfd.readouterr() == ("", "")

    said.clear()
    sources.find_or_fetch("toy", say=said.append)
    assert server.asked == ["/good/a.gz", "/good/b"]
    assert said[0].startswith("Toy: found in ")


def test_only_what_is_missing_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> None:
    register(monkeypatch, server.mirror("good"))
    put(tmp_path)
    (tmp_path / "b").unlink()
    located = sources.fetch("toy", tmp_path)
    assert server.asked == ["/good/b"]
    assert located.paths == {"a.gz": tmp_path / "a.gz", "b": tmp_path / "toy" / "b"}


def test_a_wrong_file_in_the_way_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server
) -> None:
    register(monkeypatch, server.mirror("good"))
    put(tmp_path / "toy", b=b"precious")
    (tmp_path / "toy" / "a.gz").unlink()
    with pytest.raises(UserError, match="move it away"):
        sources.fetch("toy", tmp_path)
    assert server.asked == []
    assert (tmp_path / "toy" / "b").read_bytes() == b"precious"


def test_downloads_go_where_the_user_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path, server: Server
) -> None:
    register(monkeypatch, server.mirror("good"))
    put(cache)
    assert sources.fetch("toy", tmp_path / "new" / "folder").directory == tmp_path / "new" / "folder"
    (tmp_path / "variable").mkdir()
    monkeypatch.setenv("PAPERS_DATA_DIR", str(tmp_path / "variable"))
    assert sources.fetch("toy").directory == tmp_path / "variable"
    assert files_below(tmp_path / "variable") == ["toy/a.gz", "toy/b"]


def refuse(request: BaseHTTPRequestHandler, _: bytes) -> None:
    request.send_error(404)


def lie(request: BaseHTTPRequestHandler, _: bytes) -> None:
    send(request, b"<html>Please log in.</html>")


def cut_short(request: BaseHTTPRequestHandler, content: bytes) -> None:
    send(request, content[: len(content) // 2], length=len(content))


def cut_short_unannounced(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(content[: len(content) // 2])


def go_on_for_ever(request: BaseHTTPRequestHandler, content: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(bytes(1 << 16))
    except ConnectionError:
        pass


def say_nothing(request: BaseHTTPRequestHandler, content: bytes) -> None:
    time.sleep(0.6)


def fall_silent(request: BaseHTTPRequestHandler, content: bytes) -> None:
    send(request, content[:10], length=len(content))
    time.sleep(0.6)


def dribble(request: BaseHTTPRequestHandler, content: bytes) -> None:
    send(request, b"", length=len(content))
    try:
        for byte in content[:100]:
            request.wfile.write(bytes([byte]))
            time.sleep(0.05)
    except ConnectionError:
        pass


def redirect_in_circles(request: BaseHTTPRequestHandler, _: bytes) -> None:
    request.send_response(302)
    request.send_header("Location", request.path)
    request.end_headers()


FAILURES = {
    refuse: "answered 404",
    lie: f"SHA-256 {sha256(b'<html>Please log in.</html>')} instead of {sha256(CONTENT['a.gz'])}",
    cut_short: "broke",
    cut_short_unannounced: "sent another file",
    go_on_for_ever: "sends more than",
    say_nothing: "no answer in time",
    fall_silent: "no answer in time after 10 bytes",
    dribble: "too slow",
    redirect_in_circles: "redirects",
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CONNECT_TIMEOUT", 0.25)
    monkeypatch.setattr(sources, "STALL_TIMEOUT", 0.25)
    monkeypatch.setattr(sources, "SLOWEST_MIRROR", 1e6)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("fail", "reason"), FAILURES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_mirror_that_fails_is_passed_over_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    server: Server,
    fail: Callable[[BaseHTTPRequestHandler, bytes], None],
    reason: str,
) -> None:
    server.answers["bad"] = fail
    register(monkeypatch, server.mirror("bad"))
    start = time.monotonic()
    with pytest.raises(UserError) as caught:
        sources.fetch("toy")
    assert time.monotonic() - start < 5
    message = str(caught.value)
    assert f"{server.mirror('bad')}/a.gz: " in message
    assert reason in message
    assert str(cache / "toy") in message  # where to put the files by hand
    assert "\n" not in message
    assert files_below(cache) == []

    register(monkeypatch, server.mirror("bad"), server.mirror("good"))
    assert sources.fetch("toy").directory == cache


def test_a_mirror_that_is_down_is_passed_over(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    register(monkeypatch, nobody)
    with pytest.raises(UserError, match="no connection"):
        sources.fetch("toy")
    register(monkeypatch, nobody, server.mirror("good"))
    sources.fetch("toy")


def test_without_a_network_every_mirror_is_named(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(UserError) as caught:
        sources.fetch("mnist")
    message = str(caught.value)
    for url in DATA_SETS["mnist"].files[0].urls:
        assert f"{url}: its name cannot be resolved" in message
    assert files_below(cache) == []


def test_a_redirection_is_followed(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    def redirect(request: BaseHTTPRequestHandler, _: bytes) -> None:
        request.send_response(302)
        request.send_header("Location", request.path.replace("moved", "good"))
        request.end_headers()

    server.answers["moved"] = redirect
    register(monkeypatch, server.mirror("moved"))
    sources.fetch("toy")
    assert server.asked[:2] == ["/moved/a.gz", "/good/a.gz"]


def test_files_that_a_server_declares_as_compressed_in_transfer_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    server.answers["odd"] = lambda request, content: send(request, content, Content_Encoding="gzip")
    register(monkeypatch, server.mirror("odd"))
    assert sources.fetch("toy").paths["a.gz"].read_bytes() == CONTENT["a.gz"]


def test_an_interrupted_download_leaves_nothing_half_written(
    monkeypatch: pytest.MonkeyPatch, cache: Path, server: Server
) -> None:
    def interrupt(name: str, received: int, _: int) -> None:
        if name == "b":
            raise KeyboardInterrupt

    register(monkeypatch, server.mirror("good"))
    with pytest.raises(KeyboardInterrupt):
        sources.fetch("toy", progress=interrupt)
    assert files_below(cache) == ["toy/a.gz"]
    sources.fetch("toy")
    assert server.asked.count("/good/a.gz") == 1


def test_a_disk_that_is_full_is_said_and_leaves_nothing_half_written(
    monkeypatch: pytest.MonkeyPatch, cache: Path, server: Server
) -> None:
    register(monkeypatch, server.mirror("good"), server.mirror("good"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT["b"]) // 2, limits[1]))
    try:
        with pytest.raises(UserError, match=r"b cannot be written to .*File too large"):
            sources.fetch("toy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_below(cache) == ["toy/a.gz"]
    assert server.asked == ["/good/a.gz", "/good/b"]  # another mirror would not help


def test_a_directory_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    register(monkeypatch, "http://127.0.0.1:9")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/data cannot be made: Not a directory"):
        sources.fetch("toy", tmp_path / "file" / "data")


def test_a_directory_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, cache: Path, server: Server
) -> None:
    def deny(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    register(monkeypatch, server.mirror("good"))
    monkeypatch.setattr("tempfile.NamedTemporaryFile", deny)
    with pytest.raises(UserError, match=rf"cannot be written to {cache}/toy: Permission denied; make room or name"):
        sources.fetch("toy")
    assert server.asked == []


def test_two_at_a_time_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch, cache: Path, server: Server) -> None:
    register(monkeypatch, server.mirror("good"))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            sources.fetch("toy")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert files_below(cache) == ["toy/a.gz", "toy/b"]


# Unpacking


def make_tar(path: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))
    return path


def test_an_archive_is_unpacked_whole(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", ("top/one", b"1"), ("top/below/two", b"22"))
    assert sources.unpack_tar(archive, tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert files_below(tmp_path / "new") == ["out/top/below/two", "out/top/one"]
    with pytest.raises(UserError, match="already exists"):
        sources.unpack_tar(archive, tmp_path / "new" / "out")


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "../../evil"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", ("good", b"1"), (name, b"2"))
    with pytest.raises(UserError, match="outside"):
        sources.unpack_tar(archive, tmp_path / "out")
    assert files_below(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_an_archive_with_anything_but_files_is_refused(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", ("odd", b""), kind=kind)
    with pytest.raises(UserError, match="'odd', which is neither a file nor a folder"):
        sources.unpack_tar(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keep", [0, 20, -30])
def test_a_damaged_archive_is_refused_and_leaves_nothing(tmp_path: Path, keep: int) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", ("one", bytes(range(256)) * 100))
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a\.tar\.gz"):
        sources.unpack_tar(archive, tmp_path / "out")
    assert files_below(tmp_path) == ["a.tar.gz"]


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.tar: .*No such file"):
        sources.unpack_tar(tmp_path / "none.tar", tmp_path / "out")
