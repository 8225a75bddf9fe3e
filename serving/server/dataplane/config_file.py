"""A models.config file that is reread when it changes."""

import logging
from pathlib import Path

from core.errors import UserError
from serving.server.dataplane import model_config
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.model_config import ModelConfig
from serving.server.dataplane.statuses import ServingError

LOG = logging.getLogger("fanout-model-server")


class ConfigFile:
    """The file and the text that was read last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text = ""

    def read(self) -> list[ModelConfig]:
        """Returns the models. Raises UserError or ServingError if it is missing or invalid."""
        try:
            self._text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--model_config_file {self._path} cannot be read: {error}") from error
        return model_config.parse(self._text)

    @property
    def _is_empty(self) -> bool:
        return not any(line.partition("#")[0].strip() for line in self._text.splitlines())

    def follow(self, manager: Manager) -> None:
        """Makes the manager serve the models in the file, if the file has changed.

        An invalid file changes nothing, and its error is logged once.
        """
        before = self._text
        try:
            configs = self.read()
            if self._text == before:
                return
            if self._is_empty:
                # TensorFlow Serving does the same; an empty list of models is a different case.
                LOG.warning("%s is empty: the served models stay unchanged", self._path)
                return
            LOG.info("%s has changed", self._path)
            manager.configure(configs)
        except (UserError, ServingError) as error:
            if self._text != before:
                LOG.error("%s: %s", self._path, error)
