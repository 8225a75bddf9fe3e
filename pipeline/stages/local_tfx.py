"""TFX without its extensions for Google's cloud, whose import takes longer than all else in it."""

import sys
from types import ModuleType

sys.modules.setdefault("tfx.v1.extensions", ModuleType("tfx.v1.extensions"))
from tfx import v1 as tfx  # noqa: E402 - after the extensions are replaced

__all__ = ["tfx"]
