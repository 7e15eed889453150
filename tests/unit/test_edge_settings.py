from pathlib import Path

import pytest

from ecoduct_edge.errors import SettingsError
from ecoduct_edge.settings import PortSettings, Settings, build, example, load

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_documented_example_is_the_deployed_file() -> None:
    assert example() == (DEPLOY / "edge.example.toml").read_text()


def test_example_states_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(example())
    loaded = load(path, environment={})
    assert loaded == Settings(gateway="hut-1", ports=loaded.ports)
    assert loaded.ports[0] == PortSettings("lora", loaded.ports[0].url)


def test_unknown_key_is_refused_with_the_nearest_spelling() -> None:
    with pytest.raises(SettingsError, match="uplink") as error:
        build({"gateway": "g", "uplink": {"batch_mesages": 5}}, where="edge.toml")
    assert error.value.remedy == "Did you mean `batch_messages`?"


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"gateway": ""},
        {"gateway": "a/b"},
        {"gateway": "g", "ports": []},
        {"gateway": "g", "mqtt": 5},
        {"gateway": "g", "earliest": "soon"},
        {"gateway": "g", "mqtt": {"url": "http://x"}},
        {"gateway": "g", "spool": {"max_bytes": 0}},
        {"gateway": "g", "spool": {"max_bytes": True}},
        {"gateway": "g", "spool": {"max_bytes": "2"}},
        {"gateway": "g", "port": {"name": "a"}},
        {"gateway": "g", "port": [{"name": "a"}]},
        {"gateway": "g", "port": [{"name": "a", "url": "usb:/x"}]},
        {"gateway": "g", "port": [{"name": "a", "url": "tcp://h:99999"}]},
        {"gateway": "g", "port": [{"name": "a", "url": "file:///x", "format": "ubxx"}]},
        {"gateway": "g", "port": [{"name": "a", "url": "file:///x"}] * 2},
    ],
)
def test_wrong_settings_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        build(table, where="edge.toml")


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text('gateway = "hut-1"\n')
    loaded = load(
        path,
        environment={
            "ECODUCT_EDGE_GATEWAY": "hut-9",
            "ECODUCT_EDGE_MQTT_URL": "mqtts://broker",
            "ECODUCT_EDGE_UPLINK_RESEND_AFTER_S": "1.5",
            "HOME": "/root",
        },
    )
    assert (loaded.gateway, loaded.mqtt.url) == ("hut-9", "mqtts://broker")
    assert loaded.uplink.resend_after_s == 1.5


def test_misspelt_variable_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text('gateway = "hut-1"\n')
    with pytest.raises(SettingsError) as error:
        load(path, environment={"ECODUCT_EDGE_GATWAY": "x"})
    assert error.value.remedy == "Did you mean `ECODUCT_EDGE_GATEWAY`?"


def test_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError):
        load(path)
