"""Which release the mobile programs work on when none is named."""

import os
from pathlib import Path

from core.errors import UserError
from pipeline.release.release import CURRENT
from pipeline.settings.config import DEFAULT_PROFILE, Config


def current_release() -> Path:
    """Returns the promoted release's folder of $MODEL and $PROFILE.

    Raises:
        UserError: nothing is promoted yet, or there is no such model or profile.
    """
    profile = os.environ.get("PROFILE") or DEFAULT_PROFILE
    config = Config.from_environment(os.environ.get("MODEL") or "fashion", profile)
    release = config.releases / CURRENT
    if not release.is_dir():
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: make deploy")
    return release.resolve()
