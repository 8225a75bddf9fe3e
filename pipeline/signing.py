"""``fanout sign``: the signature of a release that is there already."""

import shutil

from pipeline import integrity, trust
from pipeline.config import Config
from pipeline.errors import GateError
from pipeline.files import sync_folder
from pipeline.integrity import SIGNATURE
from pipeline.release import Release


def sign(config: Config, release: Release) -> None:
    """Signs a release that is there already, anew if it has a signature.

    Raises:
        UserError: no key is configured, or it cannot be used.
        GateError: a file is not what was checked.
    """
    damage = [words for words in release.damage() if not words.startswith(SIGNATURE)]
    if damage:
        raise GateError("Signing", f"release {release.version}: {'; '.join(damage)}")
    aside = config.releases / f".{release.version}.signing"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    trust.sign(config.trust, release.folder, aside / SIGNATURE)
    (aside / SIGNATURE).replace(release.folder / SIGNATURE)
    integrity.write_sums(release.folder, release.manifest["files"], aside=aside)
    shutil.rmtree(aside)
    sync_folder(config.releases)
