"""Files that changed (one byte, cut short, deleted): each is reported by name and never used."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.release import release

pytestmark = pytest.mark.timeout(3600)
BOOKKEEPING = ("manifest.json", "SHA256SUMS")


def files_of(campaign: Any, version: int) -> list[str]:
    folder = campaign.releases / str(version)
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def require_refused(campaign: Any, command: str, name: str) -> None:
    done = campaign.run(*command.split())
    assert done.code in (1, 2), (command, done.said)
    assert done.said.startswith("error: ") and done.said.count("\n") == 1, done.said
    assert name in done.said, (command, done.said)


def test_one_byte_in_any_file_is_refused_by_name(campaign: Any) -> None:
    names = files_of(campaign, 2)
    assert len(names) >= 15 and set(BOOKKEEPING) <= set(names)
    for name in names:
        for version, commands in {3: ("promote 3", "check 3"), 2: ("serve", "check 2")}.items():
            # The server's folder has the version in its name.
            own = name.replace("/2/", f"/{version}/")
            file = campaign.releases / str(version) / own
            content = file.read_bytes()
            campaign.harm(file, flipped(content, len(content) // 2))
            for command in commands:
                require_refused(campaign, command, own)
            if version == 2:
                code, status = campaign.status()
                assert code == 1 and own in " ".join(status["problems"])
            file.write_bytes(content)
    assert campaign.status()[0] == 0
    assert release.current_version(campaign.config.build) == 2


@pytest.mark.parametrize("name", BOOKKEEPING)
def test_any_byte_of_the_files_with_the_checksums_counts(campaign: Any, name: str) -> None:
    file = campaign.releases / "3" / name
    content = file.read_bytes()
    campaign.harm(file, content)
    for at in range(0, len(content), 89):
        file.write_bytes(flipped(content, at))
        require_refused(campaign, "promote 3", name)


@pytest.mark.parametrize("left", [b"", b"half", b"\xff\xfe", None], ids=repr)
@pytest.mark.parametrize("name", [*BOOKKEEPING, "mobile/fashion.int8.tflite"])
def test_a_current_release_that_was_damaged_is_made_again(
    campaign: Any, name: str, left: bytes | None
) -> None:
    file: Path = campaign.releases / "2" / name
    campaign.harm(file, left or b"")
    if left is None:
        file.unlink()
    code, status = campaign.status()
    assert code == 1 and status["current"] == 2
    assert name in " ".join(status["problems"])
    require_refused(campaign, "serve", name)
    # A rollback to it is refused too, and the current release stays.
    assert campaign.run("promote", "3").code == 0
    require_refused(campaign, "rollback", name)
    assert campaign.status()[0] == 0
    assert campaign.run("run").code == 0
    assert campaign.status()[1]["current"] == 6


def test_a_damaged_history_is_reported_and_started_again(campaign: Any) -> None:
    for left in (b"", b"[1, 2", b"\xff", b'[{"version": 1, "odd": 2}]'):
        campaign.reset()
        campaign.harm(campaign.releases / "promotions.json", left)
        code, status = campaign.status()
        assert code == 1 and status["current"] == 2
        assert "promotions.json cannot be read" in " ".join(status["problems"])
        require_refused(campaign, "rollback", "promotions.json")
        # The releases that a rollback needs are not known, so nothing is removed.
        assert campaign.run("prune", "--keep", "1").code == 0
        assert release.versions(campaign.config.build) == [1, 2, 3, 4, 5]
        assert campaign.run("promote", "3").code == 0
        assert (campaign.releases / "promotions.json.damaged").read_bytes() == left
        assert campaign.status()[0] == 0
        assert campaign.run("rollback").code == 0
        assert campaign.status()[1]["current"] == 2


@pytest.mark.parametrize("left", [b"", b"model_config_list {\n", b"\xff", None], ids=repr)
def test_a_damaged_models_config_is_reported_and_written_again(
    campaign: Any, left: bytes | None
) -> None:
    """tests/pipeline/deployment/test_rollout.py tests the server that runs meanwhile."""
    file = campaign.config.build.models_config
    campaign.harm(file, left or b"")
    if left is None:
        file.unlink()
    code, status = campaign.status()
    assert (code, status["current"], status["deployed"]) == (1, 2, {})
    assert "models.config is" in " ".join(status["problems"])
    # The deployed release is not known, so nothing is removed.
    require_refused(campaign, "prune --keep 1", "models.config")
    assert release.versions(campaign.config.build) == [1, 2, 3, 4, 5]
    assert campaign.run("promote", "3").code == 0
    code, status = campaign.status()
    assert (code, status["deployed"]) == (0, {"stable": 3})


@pytest.mark.parametrize("target", ["99", "nowhere", "../.."])
def test_a_link_that_leads_to_no_release_is_reported_and_fixed(campaign: Any, target: str) -> None:
    link = campaign.releases / "current"
    link.unlink()
    link.symlink_to(target)
    assert campaign.status()[0] == 1
    require_refused(campaign, "serve", "")
    assert campaign.run("run").code == 0
    code, status = campaign.status()
    assert (code, status["current"]) == (0, 6)


def test_damaged_records_of_processes_and_of_the_lock_stop_nothing(campaign: Any) -> None:
    campaign.config.build.run_folder.mkdir()
    for name in ("server.json", "page.json"):
        (campaign.config.build.run_folder / name).write_bytes(b"{")
    campaign.harm(campaign.config.build.folder / "lock", b"\xff{")
    code, status = campaign.status()
    assert (code, status["running"]) == (0, {})
    assert campaign.run("promote", "3").code == 0
