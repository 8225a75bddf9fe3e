"""A build folder: the locations of everything that belongs to one model and profile."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_PROFILE = "default"


@dataclass(frozen=True)
class Build:
    """The folder of one model and profile.

    It is ``<builds>/<model>`` for the default profile and ``<builds>/<model>-<profile>`` otherwise.

    Attributes:
        builds: the folder that holds all build folders.
        model: the model's name.
        profile: the profile's name.
    """

    builds: Path
    model: str
    profile: str = DEFAULT_PROFILE

    @property
    def name(self) -> str:
        """Returns the folder's name, which messages use."""
        return self.model if self.profile == DEFAULT_PROFILE else f"{self.model}-{self.profile}"

    @property
    def folder(self) -> Path:
        return self.builds / self.name

    @property
    def tfrecords(self) -> Path:
        return self.folder / "tfrecords"

    @property
    def artifacts(self) -> Path:
        """Returns the root of TFX's artifacts."""
        return self.folder / "artifacts"

    @property
    def metadata(self) -> Path:
        """Returns ML Metadata's SQLite file."""
        return self.folder / "metadata.sqlite"

    @property
    def pushed(self) -> Path:
        return self.folder / "pushed"

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    @property
    def current(self) -> Path:
        """Returns the link to the promoted release, which the first promotion creates."""
        return self.releases / "current"

    @property
    def promotions(self) -> Path:
        """Returns the file that lists the promoted releases, in order."""
        return self.releases / "promotions.json"

    @property
    def deployed(self) -> Path:
        """Returns the only folder of the build that the model server reads."""
        return self.folder / "deployed"

    @property
    def models_config(self) -> Path:
        """Returns the file that lists the versions to serve."""
        return self.deployed / "models.config"

    @property
    def monitoring_config(self) -> Path:
        """Returns the file that configures the path of the server's metrics."""
        return self.deployed / "monitoring.config"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def request_log(self) -> Path:
        """Returns the prefix of the names of the server's request log files."""
        return self.folder / "request-log" / "requests"

    @property
    def request_log_of_model(self) -> Path:
        """Returns the same prefix for this model's requests only."""
        return self.request_log.with_name(f"requests.{self.model}")

    @property
    def run_folder(self) -> Path:
        """Returns the folder that holds the process ids of servers in the background."""
        return self.folder / "run"
