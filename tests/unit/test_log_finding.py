import os
import socket
import threading
from pathlib import Path

import pytest

from adapters.logs.finding import Finder
from application.log_reader import LogQuery, SourceFiles, TooManyFiles
from tests.support.log_files import LogDirectory, messages

SECRET = "not for readers"


@pytest.fixture
def logs(tmp_path: Path) -> LogDirectory:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "app.log").write_text(f"{SECRET}\n")
    return LogDirectory(tmp_path / "logs")


def seen(logs: LogDirectory, *globs: str) -> list[str]:
    return messages(logs.entries(LogQuery(order="asc"), logs.source(*globs)))


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/etc/passwd",
            "app.log",
            "{root}",
            "{root}/",
            "{root}/../outside/app.log",
            "{root}x/app.log",
        ),
        *(
            "{root}/./app.log",
            "{root}//app.log",
            "{root}/a\x00b",
            "",
            "/",
            "{root}/*/../../outside/*",
        ),
    ],
)
def test_paths_outside_the_roots_are_refused(logs: LogDirectory, path: str) -> None:
    source = SourceFiles(name="x", paths=(path.format(root=logs.root),))
    assert [fault.pointer for fault in Finder([logs.root]).faults(source)] == ["/paths/0"]


def test_paths_below_the_roots_are_not(logs: LogDirectory) -> None:
    assert Finder([logs.root]).faults(logs.source("app.log", "a/*.log", "**/x[12].log")) == []


def test_what_was_registered_under_wider_roots_is_not_read(logs: LogDirectory) -> None:
    outside = logs.root.parent / "outside"
    source = SourceFiles(name="x", paths=(f"{outside}/app.log",))
    assert logs.page(source=source).entries == ()


def test_symbolic_links_are_not_followed(logs: LogDirectory) -> None:
    outside = logs.root.parent / "outside"
    (logs.root / "app.log").symlink_to(outside / "app.log")
    (logs.root / "linked").symlink_to(outside)
    (logs.root / "real").mkdir()
    (logs.root / "real" / "deep.log").symlink_to(outside / "app.log")
    logs.write("real/app.log", "fine\n")
    assert seen(logs, "app.log", "linked/app.log", "linked/*", "**/*.log", "real/*") == ["fine"]


def test_what_is_no_regular_file_is_left_alone(logs: LogDirectory) -> None:
    os.mkfifo(logs.root / "pipe.log")
    (logs.root / "directory.log").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(logs.root / "socket.log"))
        logs.write("fine.log", "fine\n")
        assert seen(logs, "*.log") == ["fine"]
    assert seen(logs, "pipe.log") == []


def test_a_file_that_may_not_be_read_is_counted(logs: LogDirectory) -> None:
    logs.write("a.log", "fine\n")
    logs.write("b.log", "secret\n").chmod(0)
    if os.access(logs.root / "b.log", os.R_OK):
        pytest.skip("nothing is closed to this account")
    found = logs.summary(logs.source("*.log"))
    assert (found.files, found.unreadable) == (1, 1)


def test_swapping_parts_for_links_never_leads_outside(logs: LogDirectory) -> None:
    outside, stop = logs.root.parent / "outside", threading.Event()
    (logs.root / "d").mkdir()
    logs.write("d/app.log", "fine\n")
    (logs.root / "link").symlink_to(outside)

    def swap() -> None:
        while not stop.is_set():
            (logs.root / "d").rename(logs.root / "aside")
            (logs.root / "link").rename(logs.root / "d")
            (logs.root / "d").rename(logs.root / "link")
            (logs.root / "aside").rename(logs.root / "d")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(300):
            files, _ = Finder([logs.root])._open_all(logs.source("d/app.log", "*/app.log"), {})
            for file in files:
                assert os.pread(file.fd, 100, 0) == b"fine\n"
                file.close()
    finally:
        stop.set()
        swapper.join()


def test_globs_name_what_they_say_and_its_rotations(logs: LogDirectory) -> None:
    (logs.root / "a" / "b").mkdir(parents=True)
    for name in (
        "app.log",
        "app.log.1",
        "app.log-20260101",
        "other.log",
        ".hidden.log",
        "app.logx",
    ):
        logs.write(name, f"{name}\n")
    for name in ("a/app.log", "a/b/app.log"):
        logs.write(name, f"{name}\n")
    assert set(seen(logs, "app.log")) == {"app.log", "app.log.1", "app.log-20260101"}
    assert set(seen(logs, "*.log")) == {"app.log", "app.log.1", "app.log-20260101", "other.log"}
    assert set(seen(logs, "**/app.log")) >= {"app.log", "a/app.log", "a/b/app.log"}
    assert seen(logs, "*/app.log") == ["a/app.log"]
    assert seen(logs, "app.log", "app.lo?", "app.log") == seen(logs, "app.log")


def test_too_many_files_are_refused(logs: LogDirectory) -> None:
    for number in range(501):
        (logs.root / f"{number}.log").touch()
    with pytest.raises(TooManyFiles):
        logs.page(source=logs.source("*.log"))
