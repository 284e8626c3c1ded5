from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra import endpoints
from infra.errors import ExitCode, SettingsError
from infra.secrets import MASK, write_secret
from infra.settings import SETTINGS_FILE, Settings, load, unknown_variables, variable_of


def test_defaults_hold_without_environment(tmp_path: Path) -> None:
    settings = load(env={}, state=tmp_path)
    assert settings.state_dir == tmp_path
    assert settings.origin("state_dir") == "--state"
    assert settings.api_port == 8080
    assert settings.session_timeout == timedelta(seconds=6)
    assert settings.origin("api_port") == "default"
    assert settings.kafka_embedded
    assert settings.postgres_embedded


def test_environment_wins_over_file_over_embedded(tmp_path: Path) -> None:
    endpoints.write(tmp_path, {"api": 8083, "kafka": 9001})
    settings = load(env={}, state=tmp_path)
    assert (settings.api_port, settings.origin("api_port")) == (8083, "embedded")
    assert settings.kafka_url == "127.0.0.1:9001"
    assert settings.kafka_embedded

    file = tmp_path / SETTINGS_FILE
    file.write_text('api_port = 8084\nproviders = ["CPU"]\nblob_quota = "5GiB"\n')
    settings = load(env={}, state=tmp_path)
    assert (settings.api_port, settings.origin("api_port")) == (8084, str(file))
    assert settings.providers == ("CPU",)
    assert settings.blob_quota == 5 * 1024**3

    env = {"WATCHFLOOR_API_PORT": "8085", "WATCHFLOOR_KAFKA_URL": "broker:9092"}
    settings = load(env=env, state=tmp_path)
    assert (settings.api_port, settings.origin("api_port")) == (8085, "$WATCHFLOOR_API_PORT")
    assert settings.kafka_url == "broker:9092"
    assert not settings.kafka_embedded


def test_state_variable(tmp_path: Path) -> None:
    settings = load(env={"WATCHFLOOR_STATE": str(tmp_path / "there")})
    assert settings.state_dir == tmp_path / "there"
    assert settings.state == settings.state_dir


def test_empty_variable_is_not_set(tmp_path: Path) -> None:
    settings = load(env={"WATCHFLOOR_KAFKA_URL": ""}, state=tmp_path)
    assert settings.kafka_url is None


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("API_PORT", "80", "1024"),  # privileged
        ("API_PORT", "http", "port"),
        ("API_HOST", "example.org", "address"),
        ("SESSION_TIMEOUT", "soon", "duration"),
        ("SESSION_TIMEOUT", "0", "duration"),
        ("BLOB_QUOTA", "many", "size"),
        ("NAMESPACE", "Ü", "namespace"),
        ("NAMESPACE", "a_b", "namespace"),  # '_' and '.' collide in metric names
        ("KAFKA_SECURITY", "TLS", "SASL_SSL"),
        ("LOG_LEVEL", "loud", "warning"),
        ("MODEL", "a\nb", "line"),
    ],
)
def test_bad_variable_names_itself(tmp_path: Path, name: str, text: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(env={f"WATCHFLOOR_{name}": text}, state=tmp_path)
    assert f"$WATCHFLOOR_{name}" in caught.value.message
    assert named in caught.value.message
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("api_prot = 1\n", "'api_port'"),  # suggests
        ("state_dir = '/x'\n", "unknown setting"),  # the file lies in it
        ("api_port = = 1\n", "TOML"),
        ("api_port = true\n", "port"),
        ("model = 3\n", "text"),
        ("blob_quota = 1.5\n", "size"),
    ],
)
def test_bad_file_names_itself(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / SETTINGS_FILE).write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(env={}, state=tmp_path)
    assert str(tmp_path / SETTINGS_FILE) in caught.value.message
    assert named in f"{caught.value.message} {caught.value.hint}"


def test_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(b"#" * 300_000)
    with pytest.raises(SettingsError, match="larger"):
        load(env={}, state=tmp_path)


def test_passwords_never_show(tmp_path: Path) -> None:
    env = {
        "WATCHFLOOR_POSTGRES_URL": "postgresql://kim:hunter2@db:5432/w",
        "WATCHFLOOR_BLOB_URL": "s3://key:hunter2@store:9000/bucket",
        "WATCHFLOOR_KAFKA_SASL_PASSWORD": "hunter2",
        "WATCHFLOOR_KAFKA_SASL_USERNAME": "kim",
        "WATCHFLOOR_KAFKA_SECURITY": "sasl_ssl",
        "WATCHFLOOR_KAFKA_URL": "broker:9092",
    }
    settings = load(env=env, state=tmp_path)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.described())
    assert MASK in repr(settings)
    # What needs it gets it.
    assert settings.postgres_url is not None
    assert "hunter2" in settings.postgres_url
    assert settings.kafka_client_config()["sasl.password"] == "hunter2"


def test_bad_url_does_not_show_its_password(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(env={"WATCHFLOOR_API_HOST": "http://kim:hunter2@host"}, state=tmp_path)
    assert "hunter2" not in caught.value.message


def test_embedded_database_needs_its_password(tmp_path: Path) -> None:
    endpoints.write(tmp_path, {"postgres": 5555})
    assert load(env={}, state=tmp_path).postgres_url is None
    write_secret(tmp_path / "secrets", endpoints.POSTGRES_SECRET, "a/b@c")
    url = load(env={}, state=tmp_path).postgres_url
    assert url == "postgresql://postgres:a%2Fb%40c@127.0.0.1:5555/postgres"


def test_torn_endpoints_count_as_none(tmp_path: Path) -> None:
    endpoints.write(tmp_path, {"kafka": 9001})
    endpoints.path_of(tmp_path).write_text('{"kafka": 90')
    assert load(env={}, state=tmp_path).kafka_url is None


@pytest.mark.parametrize("written", ['{"kafka": "9001"}', '{"kafka": 0}', '{"kafka": 1e9}', "[]"])
def test_odd_endpoints_count_as_none(tmp_path: Path, written: str) -> None:
    endpoints.write(tmp_path, {})
    endpoints.path_of(tmp_path).write_text(written)
    assert endpoints.read(tmp_path) == {}


def test_client_config_plain() -> None:
    settings = Settings(kafka_url="one:9092,two:9092")
    assert settings.kafka_client_config() == {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "plaintext",
        "socket.nagle.disable": True,
    }
    assert settings.kafka_client_config(producer=True)["partitioner"] == "murmur2_random"


def test_client_config_of_a_lone_broker_here_does_not_start_over() -> None:
    config = Settings(kafka_url="127.0.0.1:9092").kafka_client_config()
    assert config["metadata.recovery.strategy"] == "none"


def test_client_config_mutual_tls(tmp_path: Path) -> None:
    settings = Settings(
        kafka_url="broker:9093",
        kafka_security="SSL",
        kafka_ca_file=tmp_path / "ca.pem",
        kafka_cert_file=tmp_path / "us.pem",
        kafka_key_file=tmp_path / "us.key",
    )
    config = settings.kafka_client_config()
    assert config["security.protocol"] == "ssl"
    assert config["ssl.ca.location"] == str(tmp_path / "ca.pem")
    assert config["ssl.certificate.location"] == str(tmp_path / "us.pem")
    assert config["ssl.key.location"] == str(tmp_path / "us.key")


def test_client_config_without_broker_says_what_to_do() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings().kafka_client_config()
    assert "watchfloor up" in str(caught.value.hint)


def test_client_config_sasl_without_user() -> None:
    with pytest.raises(SettingsError, match="user and a password"):
        Settings(kafka_url="b:1", kafka_security="SASL_SSL").kafka_client_config()


def test_environment_gives_a_child_the_same_settings(tmp_path: Path) -> None:
    env = {
        "WATCHFLOOR_SESSION_TIMEOUT": "2500ms",
        "WATCHFLOOR_PROVIDERS": "CUDA, CPU",
        "WATCHFLOOR_BLOB_QUOTA": "1GB",
        "WATCHFLOOR_KAFKA_SASL_PASSWORD": "s",
    }
    settings = load(env=env, state=tmp_path)
    again = load(env=settings.environment())
    assert again == settings
    assert again.blob_quota == 1_000_000_000


def test_every_setting_is_documented_and_has_one_variable() -> None:
    rows = Settings().described()
    assert len({row["variable"] for row in rows}) == len(rows) > 20
    for row in rows:
        assert len(row["doc"]) > 10
        assert row["variable"] == variable_of(row["name"])


def test_in_namespace() -> None:
    settings = Settings().in_namespace("replay-1")
    assert settings.namespace == "replay-1"
    with pytest.raises(SettingsError):
        settings.in_namespace("No")


def test_unknown_variables_are_named() -> None:
    env = {
        "WATCHFLOOR_API_PROT": "1",
        "WATCHFLOOR_API_PORT": "8080",
        "WATCHFLOOR_SECRET_X": "y",
        "WATCHFLOOR_DEBUG": "1",
        "OTHER": "",
    }
    assert unknown_variables(env) == ["WATCHFLOOR_API_PROT"]
