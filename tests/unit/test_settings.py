"""The operator's variables: read at once, refused at once."""

from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import msgspec
import pytest

from adapters.settings import VARIABLES, Settings, SettingsError, load_settings
from adapters.settings_values import AllowedTarget, mail_server

NO_FILE = Path("/nonexistent/.env")
ROOT = Path(__file__).parents[2]


def read(**environment: str) -> Settings:
    return load_settings(environment, NO_FILE)


def faults(**environment: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(**environment)
    return caught.value.faults


def test_defaults_lie_in_the_data_directory() -> None:
    settings = read(DATA_DIR="/srv/annals")
    assert settings.master_key_file == Path("/srv/annals/master.key")
    assert settings.owner_key_file == Path("/srv/annals/owner.key")
    assert settings.metrics_dir == Path("/srv/annals/metrics")
    assert (settings.session_ttl, settings.session_idle) == (
        timedelta(hours=12),
        timedelta(hours=1),
    )


def test_a_named_file_does_not_follow_the_data_directory() -> None:
    settings = read(DATA_DIR="/srv/annals", OWNER_KEY_FILE="/run/secrets/owner")
    assert settings.owner_key_file == Path("/run/secrets/owner")


def test_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert read().data_dir == tmp_path / ".annals"


def test_an_empty_value_is_the_default() -> None:
    assert read(PORT=" ", SESSION_TTL="").port == 8000


def test_every_bad_variable_is_named_with_what_is_expected() -> None:
    assert faults(
        PORT="http", WORKERS="0", SESSION_TTL="12", EGRESS_ALLOW="localhost", LOG_LEVEL="loud"
    ) == [
        "PORT must be a port from 1 to 65535, not 'http'",
        "WORKERS must be a whole number from 1 to 64, not '0'",
        (
            "EGRESS_ALLOW must be networks, each with a port if need be, "
            "such as 127.0.0.0/8:9000, not 'localhost'"
        ),
        "SESSION_TTL must be a number and a unit (ms, s, m, h, d), such as 12h, not '12'",
        "LOG_LEVEL must be one of debug, info, warning, error, not 'loud'",
    ]


def test_a_secret_is_not_told_not_even_when_it_is_wrong() -> None:
    (fault,) = faults(DATABASE_URL="mysql://root:hunter2@db/annals")
    assert "hunter2" not in fault


@pytest.mark.parametrize("port", ["notaport", "99999", "-1"])
def test_a_url_with_no_such_port_is_told_without_its_password(port: str) -> None:
    (fault,) = faults(DATABASE_URL=f"postgresql://root:hunter2@db:{port}/annals")
    assert "hunter2" not in fault


def test_a_database_may_have_several_hosts() -> None:
    url = "postgresql://root:hunter2@one:5432,[::1]:5433,three/annals"
    assert read(DATABASE_URL=url).database_url == url


def test_a_secret_is_hidden_in_the_settings_text() -> None:
    shown = repr(read(DATABASE_URL="postgres://annals:hunter2@db/annals", REDIS_URL=""))
    assert "hunter2" not in shown
    assert "database_url=<hidden>" in shown
    assert "redis_url=''" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.0/8:9000", AllowedTarget(ip_network("127.0.0.0/8"), 9000)),
        ("10.0.0.1", AllowedTarget(ip_network("10.0.0.1/32"))),
        ("::1/128", AllowedTarget(ip_network("::1/128"))),
        ("[fd00::/8]:443", AllowedTarget(ip_network("fd00::/8"), 443)),
        ("[::1]", AllowedTarget(ip_network("::1/128"))),
    ],
)
def test_targets_have_optional_ports(text: str, expected: AllowedTarget) -> None:
    assert read(EGRESS_ALLOW=text).egress_allow == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 587, "starttls", None, None)),
        ("smtp://127.0.0.1:2525?tls=none", ("127.0.0.1", 2525, "none", None, None)),
        (
            "smtps://ada:p%40ss%3A@mail.example.org/",
            ("mail.example.org", 465, "tls", "ada", "p@ss:"),
        ),
        ("smtps://ada:x@[::1]:1465", ("::1", 1465, "tls", "ada", "x")),
    ],
)
def test_a_mail_server_is_named_by_one_url(text: str, expected: tuple[str | int | None]) -> None:
    server = mail_server(read(SMTP_URL=text).smtp_url)
    assert msgspec.structs.astuple(server) == expected


@pytest.mark.parametrize(
    "text",
    [
        "mail.example.org:hunter2",
        "http://ada:hunter2@mail.example.org",
        "smtp://ada:hunter2@",
        "smtp://ada:hunter2@mail:notaport",
        "smtp://ada:hunter2@mail/box",
        "smtp://ada:hunter2@mail?tls=maybe",
        "smtp://ada:hunter2@mail?tls",
        "smtps://ada:hunter2@mail?tls=none",
    ],
)
def test_what_names_no_mail_server_is_told_without_its_password(text: str) -> None:
    (fault,) = faults(SMTP_URL=text)
    assert fault.startswith("SMTP_URL must be smtp://")
    assert "hunter2" not in fault


def test_links_lead_to_this_machine_unless_it_is_said_otherwise() -> None:
    assert read(PORT="8123").origin == "http://localhost:8123"
    assert read(PUBLIC_URL="https://example.org/app/").origin == "https://example.org/app"
    for text in ("example.org", "ftp://example.org", "https://example.org?x=1", "https://a:b@c"):
        assert len(faults(PUBLIC_URL=text)) == 1


def test_metrics_are_for_this_machine_for_named_networks_or_for_none() -> None:
    assert [str(each) for each in read().metrics_networks] == ["127.0.0.0/8", "::1/128"]
    assert read(METRICS_NETWORKS="10.0.0.0/8").metrics_networks == (ip_network("10.0.0.0/8"),)
    assert read(METRICS_NETWORKS="none").metrics_networks == ()
    assert faults(METRICS_NETWORKS="nobody")


def test_several_targets_are_separated_by_commas() -> None:
    assert len(read(EGRESS_ALLOW="127.0.0.0/8:9000, 10.0.0.0/8").egress_allow) == 2


@pytest.mark.parametrize(
    "text", ["127.0.0.1/8", "127.0.0.0/8:0", "127.0.0.0/8:", "[::1/128", "[::1]9000", ",", "a.b"]
)
def test_a_target_that_means_nothing_certain_is_refused(text: str) -> None:
    assert faults(EGRESS_ALLOW=text)


def test_a_target_allows_its_network_on_its_port() -> None:
    target = AllowedTarget(ip_network("127.0.0.0/8"), 9000)
    assert target.allows(ip_address("127.1.2.3"), 9000)
    assert not target.allows(ip_address("127.1.2.3"), 9001)
    assert not target.allows(ip_address("128.0.0.1"), 9000)
    assert not target.allows(ip_address("::1"), 9000)


def test_the_file_is_read_and_the_environment_goes_before_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# a comment\n\nPORT=9000\nexport HOST='0.0.0.0'\nLOG_FORMAT=\"json\"\nOTHER=x\n"
    )
    settings = load_settings({"PORT": "9001"}, file)
    assert (settings.port, settings.host, settings.log_format) == (9001, "0.0.0.0", "json")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("a@example.org   # who writes", "a@example.org"),
        ("'a # b@example.org'  # who writes", "a # b@example.org"),
        ("a#b@example.org", "a#b@example.org"),
        ('"a"b@example.org"', 'a"b@example.org'),
    ],
)
def test_a_comment_may_follow_a_value_in_the_file(
    tmp_path: Path, written: str, read_as: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"SMTP_FROM={written}\n")
    assert load_settings({}, file).smtp_from == read_as


def test_what_the_file_only_comments_on_has_its_default(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SMTP_URL= # none yet\n")
    assert load_settings({}, file) == read()


def test_a_line_of_the_file_that_is_no_assignment_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=9000\nHOST 0.0.0.0\n")
    with pytest.raises(SettingsError, match=r"line 2 must be NAME=value"):
        load_settings({}, file)


def test_the_example_lists_every_variable_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    names = [line.partition("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(names) == sorted(name.upper() for name in VARIABLES)
    example = load_settings({}, ROOT / ".env.example")
    assert example == read()


@pytest.mark.parametrize(
    ("roots", "others"),
    [
        ("/var/log,acme=/var/log/acme", "/var/log of default"),
        ("/srv/{tmp}/../x,acme=/", "acme"),
        ("{tmp}", "the platform's own"),
        ("{tmp}/data/logs", "the platform's own"),
        ("/run/keys", "/run/keys/master.key"),
        ("acme=/var/lines", "/var/lines/annals"),
    ],
)
def test_log_roots_lie_apart_from_each_other_and_from_the_platforms_files(
    tmp_path: Path, roots: str, others: str
) -> None:
    environment = {
        "DATA_DIR": str(tmp_path / "data"),
        "MASTER_KEY_FILE": "/run/keys/master.key",
        "LOG_DIR": "/var/lines/annals",
        "LOG_ROOTS": roots.format(tmp=tmp_path),
    }
    with pytest.raises(SettingsError) as refused:
        load_settings(environment, tmp_path / ".env")
    assert others in str(refused.value)


def test_log_roots_belong_to_tenants(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "LOG_ROOTS": "/var/log, acme=/srv/acme,/opt/logs"}
    settings = load_settings(environment, tmp_path / ".env")
    assert [(root.tenant, str(root.directory)) for root in settings.log_roots] == [
        ("default", "/var/log"),
        ("acme", "/srv/acme"),
        ("default", "/opt/logs"),
    ]
    assert settings.log_dir == tmp_path / "logs"


@pytest.mark.parametrize("roots", ["logs", "a b=/var/log", "=/var/log", "/var/log,"])
def test_a_log_root_is_an_absolute_directory_of_a_tenant(tmp_path: Path, roots: str) -> None:
    with pytest.raises(SettingsError, match="LOG_ROOTS must be absolute directories"):
        load_settings({"LOG_ROOTS": roots}, tmp_path / ".env")


@pytest.mark.parametrize(("text", "size"), [("512 b", 512), ("16MB", 2**24), ("1GB", 2**30)])
def test_a_size_is_a_number_and_a_unit(tmp_path: Path, text: str, size: int) -> None:
    assert load_settings({"LOG_FILE_SIZE": text}, tmp_path / ".env").log_file_size == size
    for wrong in ("0MB", "1.5MB", "-1KB", "MB"):
        with pytest.raises(SettingsError, match="LOG_FILE_SIZE"):
            load_settings({"LOG_FILE_SIZE": wrong}, tmp_path / ".env")
