import pytest

from core.errors import UserError
from pipeline.settings.config import Config


def test_profiles_build_apart() -> None:
    default = Config.from_environment("fashion", "default")
    quick = Config.from_environment("fashion", "quick")
    assert default.build.name == "fashion"
    assert quick.build.name == "fashion-quick"
    assert quick.dataset == default.dataset


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http", "8501.0"])
def test_an_invalid_port_is_refused(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REST_PORT", port)
    with pytest.raises(UserError, match=r"REST_PORT must be a port from 1 to 65535"):
        Config.from_environment("fashion", "default")


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UserError, match=r"unknown model 'nope'; models/ has: .*fashion"):
        Config.from_environment("nope", "default")
    with pytest.raises(UserError, match=r"unknown profile 'slow'.*default, quick"):
        Config.from_environment("fashion", "slow")
