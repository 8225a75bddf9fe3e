"""``fanout sign``: signs an existing release."""

import shutil

from core.errors import GateError
from core.files import sync_folder
from pipeline.release import integrity, signature
from pipeline.release.integrity import SIGNATURE
from pipeline.release.release import Release
from pipeline.settings.config import Config


def sign(config: Config, release: Release) -> None:
    """Signs an existing release; a signature that it already has is replaced.

    Raises:
        UserError: no key is configured, or it cannot be used.
        GateError: a file differs from its checksum.
    """
    damage = [words for words in release.damage() if not words.startswith(SIGNATURE)]
    if damage:
        raise GateError("Signing", f"release {release.version}: {'; '.join(damage)}")
    aside = config.build.releases / f".{release.version}.signing"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    signature.sign(config.trust, release.folder, aside / SIGNATURE)
    (aside / SIGNATURE).replace(release.folder / SIGNATURE)
    integrity.write_sums(release.folder, release.manifest["files"], aside=aside)
    shutil.rmtree(aside)
    sync_folder(config.build.releases)
