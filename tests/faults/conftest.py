import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.campaign import Campaign

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory: a sync costs nothing there
NEEDED_BYTES = 64 << 20


@pytest.fixture(scope="session")
def _campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED_BYTES
    with tempfile.TemporaryDirectory(dir=MEMORY if in_memory else None) as folder:
        campaign = Campaign(Path(folder))
        yield campaign
        campaign.close()


@pytest.fixture
def campaign(_campaign: Campaign) -> Campaign:
    """Returns the campaign with its folder in the first state."""
    _campaign.reset()
    return _campaign
