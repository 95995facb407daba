"""Downloads, from a server on this machine: digests, mirrors, interruptions, and what the user is told."""

import gzip
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import dlcore as dl
from dlcore.data import download
from dlcore.data.download import PublishedFile, fetch
from dlcore.data.images import IMAGE_SETS

CONTENT = bytes(range(256)) * 500


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def server():
    """Serves CONTENT, plain and packed, at addresses that behave in different ways; `asked` lists the requests."""
    packed = gzip.compress(CONTENT, 1)
    asked: list[str] = []
    to = {"to_ftp": "ftp://127.0.0.1/file", "to_file": f"file://{__file__}", "to_good": "/good/file"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            way, name = self.path.strip("/").split("/")
            body = packed if name.endswith(".gz") else CONTENT
            if way == "missing":
                return self.send_error(404)
            if way in to:
                self.send_response(302)
                self.send_header("Location", to[way])
                return self.end_headers()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if way == "torn":
                body = body[: len(body) // 2]
            elif way == "other":
                body = body[:-1] + b"?"
            elif way == "stuck":
                self.wfile.write(body[:1000])
                self.wfile.flush()
                time.sleep(1)
                return None
            elif way == "slow":
                for i in range(50):
                    self.wfile.write(body[i : i + 1])
                    self.wfile.flush()
                    time.sleep(0.05)
                return None
            return self.wfile.write(body)

        def log_message(self, *text):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.asked = asked
    running.at = lambda way: f"http://127.0.0.1:{running.server_port}/{way}/"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def content(path):
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


PLAIN = PublishedFile("file", sha256(CONTENT))
PACKED = PublishedFile("file.gz", sha256(CONTENT), unpacked=True)


@pytest.mark.parametrize("file", [PLAIN, PACKED])
def test_a_file_with_the_right_digest_is_kept_and_not_asked_for_again(server, tmp_path, file):
    path = fetch(file, [server.at("good")], tmp_path / "new" / "folder")
    assert content(path) == CONTENT
    server.asked.clear()
    assert fetch(file, [server.at("good")], tmp_path / "new" / "folder") == path
    assert server.asked == []


@pytest.mark.parametrize("file", [PLAIN, PACKED])
@pytest.mark.parametrize("way", ["other", "torn", "missing"])
def test_where_one_mirror_fails_the_next_is_asked(server, tmp_path, file, way):
    path = fetch(file, [server.at(way), server.at("good")], tmp_path)
    assert content(path) == CONTENT
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        ("other", rf"its sha256 is [0-9a-f]{{12}}\.\.\., expected {PLAIN.sha256[:12]}"),
        ("torn", r"ended after 64,000 of 128,000 bytes|after [\d,]+ bytes: IncompleteRead"),
        ("missing", "HTTP Error 404: Not Found"),
    ],
)
def test_where_no_mirror_gives_the_file_the_answers_are_told_and_nothing_is_left(server, tmp_path, way, answer):
    with pytest.raises(dl.DataError, match=f"file could not be downloaded .{server.at(way)}: ({answer})"):
        fetch(PLAIN, [server.at(way)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nobody_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(dl.DataError, match=rf"http://127.0.0.1:{port}/: Connection refused"):
        fetch(PLAIN, [f"http://127.0.0.1:{port}/"], tmp_path)


def test_a_server_that_stops_sending_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    with pytest.raises(dl.DataError, match="timed out"):
        fetch(PLAIN, [server.at("stuck")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_sends_a_byte_at_a_time_is_given_up(server, tmp_path, monkeypatch):
    """However often a byte comes."""
    monkeypatch.setattr(download, "TOTAL", 0.2)
    start = time.monotonic()
    with pytest.raises(dl.DataError, match=r"only \d+ bytes in 0.2 seconds"):
        fetch(PLAIN, [server.at("slow")], tmp_path)
    assert time.monotonic() - start < 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["to_ftp", "to_file"])
def test_redirects_lead_to_https_or_http(server, tmp_path, way):
    assert fetch(PLAIN, [server.at("to_good")], tmp_path).read_bytes() == CONTENT
    with pytest.raises(dl.DataError, match=r"redirects? to .*, expected https|[Rr]edirect.* not allowed"):
        fetch(PLAIN, [server.at(way)], tmp_path / "new")


def test_redirects_do_not_leave_https():
    request = download.urllib.request.Request("https://example.org/file")
    with pytest.raises(OSError, match=r"redirects to http://example\.org/file, expected https"):
        download._Redirects().redirect_request(request, None, 302, "", {}, "http://example.org/file")


@pytest.mark.parametrize("file", [PLAIN, PACKED])
def test_a_file_with_another_digest_is_downloaded_again(server, tmp_path, file, caplog):
    path = tmp_path / file.name
    for damaged in (b"?", CONTENT[:-1], gzip.compress(CONTENT)[:-9], gzip.compress(b"?")):
        path.write_bytes(damaged)
        assert content(fetch(file, [server.at("good")], tmp_path)) == CONTENT
        assert "it is downloaded again" in caplog.text
    path.write_bytes(b"?")
    with pytest.raises(dl.DataError, match=rf"{file.name}: (its sha256|a damaged gzip).*404"):
        fetch(file, [server.at("missing")], tmp_path)


@pytest.mark.parametrize("file", [PLAIN, PACKED])
def test_a_file_that_is_far_too_large_is_given_up(server, tmp_path, monkeypatch, file):
    monkeypatch.setattr(download, "_LARGEST", 100_000)  # the packed one is smaller, what it holds is not
    with pytest.raises(dl.DataError, match=r"more than 100,000 bytes"):
        fetch(file, [server.at("good")], tmp_path)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(dl.DataError, match="file cannot be written"):
        fetch(PLAIN, [server.at("good")], tmp_path / "file" / "folder")


def test_a_download_that_was_killed_does_no_harm(server, tmp_path):
    program = (
        "import sys; from pathlib import Path; from dlcore.data.download import PublishedFile, fetch;"
        "fetch(PublishedFile('file', ''), [sys.argv[1]], Path(sys.argv[2]))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(dl.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", program, server.at("stuck"), str(tmp_path)], env=environment
    ) as process:
        while not list(tmp_path.iterdir()) and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    path = fetch(PLAIN, [server.at("good")], tmp_path)
    assert path.read_bytes() == CONTENT
    assert left.exists()  # it may be another's who is still at it
    path.unlink()
    os.utime(left, (0, 0))
    fetch(PLAIN, [server.at("good")], tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_two_at_the_same_time(server, tmp_path):
    threads = [threading.Thread(target=fetch, args=(PLAIN, [server.at("good")], tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_published_files_are_asked_for_over_https_and_pinned():
    for published in IMAGE_SETS.values():
        assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in published.mirrors)
        assert all(len(digest) == 64 for digest in published.sha256.values())
