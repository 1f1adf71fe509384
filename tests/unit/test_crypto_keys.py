import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.crypto.fields import field_context
from adapters.crypto.idempotency import KeyedAnswers
from adapters.crypto.master import BadMasterKey, MasterKey, load_master_key

MASTER = MasterKey(bytes(range(32)))


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    first = load_master_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert load_master_key(path).derive("x") == first.derive("x")
    assert list(tmp_path.iterdir()) == [path]


def test_racing_makers_make_one_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: load_master_key(path).derive("x"), range(32)))
    assert len(set(keys)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "short", "x" * 44, base64.b64encode(b"k" * 31).decode()])
def test_a_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadMasterKey, match=r"master\.key does not hold 32 bytes"):
        load_master_key(path)


def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    load_master_key(path)
    path.chmod(0o644)
    with pytest.raises(BadMasterKey, match="chmod 600"):
        load_master_key(path)
    load_master_key(path, create=False)
    path.chmod(0o666)
    with pytest.raises(BadMasterKey, match="chmod go-w"):
        load_master_key(path, create=False)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadMasterKey, match="No such file"):
        load_master_key(tmp_path / "none", create=False)
    with pytest.raises(BadMasterKey, match="No such file"):
        load_master_key(tmp_path / "no" / "where")
    with pytest.raises(BadMasterKey):
        load_master_key(tmp_path)


def test_purposes_have_different_keys_that_never_change() -> None:
    assert MASTER.derive("stream names").hex() == (
        "279aba143b7da90f864ff4a2f54dc8f0b3cfae30553e5e19f7cdfd015cdfe7b7"
    )
    assert MASTER.derive("stream names") != MASTER.derive("redis subjects")
    assert MASTER.name_hash()("ada@example.org") != MASTER.subject_hash()("ada@example.org")
    assert len(MASTER.name_hash()("\ud800")) == 64
    assert "hidden" in repr(MASTER)


def test_a_context_tells_its_parts_apart() -> None:
    assert field_context("ab", "c") != field_context("a", "bc")


def test_an_idempotency_key_is_named_within_its_scope() -> None:
    codec = KeyedAnswers(MASTER)
    digests = {
        codec.digest("t", "ada", "k"),
        codec.digest("u", "ada", "k"),
        codec.digest("t", "bob", "k"),
        codec.digest("t", "ada", "l"),
        codec.digest("ta", "da", "k"),
    }
    assert len(digests) == 5
    assert codec.digest("t", "ada", "k") in digests
    prints = {
        codec.fingerprint("POST", "/a", b"b"),
        codec.fingerprint("PUT", "/a", b"b"),
        codec.fingerprint("POST", "/ab", b""),
        codec.fingerprint("POST", "/a", b""),
    }
    assert len(prints) == 4


def test_an_answer_opens_only_with_the_raw_key_here() -> None:
    codec = KeyedAnswers(MASTER)
    sealed = codec.seal("my key", b"token")
    assert codec.open("my key", sealed) == b"token"
    assert b"token" not in sealed
    for other, key in ((codec, "my kez"), (KeyedAnswers(MasterKey(b"o" * 32)), "my key")):
        with pytest.raises(ValueError, match="sealed"):
            other.open(key, sealed)
    with pytest.raises(ValueError, match="sealed"):
        codec.open("my key", b"\x02" + sealed[1:])
