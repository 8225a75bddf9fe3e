"""A build folder: where each thing of one model and profile stands in it."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_PROFILE = "default"


@dataclass(frozen=True)
class Build:
    """The folder ``<builds>/<model>`` of the default profile, ``<builds>/<model>-<profile>`` else.

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
        """Returns the folder's name, by which messages call it."""
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
        """Returns the link to the promoted release, which is not there before the first one."""
        return self.releases / "current"

    @property
    def promotions(self) -> Path:
        """Returns the file that says which releases were promoted, in order."""
        return self.releases / "promotions.json"

    @property
    def deployed(self) -> Path:
        """Returns the folder that the model server reads, and nothing else of the build."""
        return self.folder / "deployed"

    @property
    def models_config(self) -> Path:
        """Returns the file that says which versions are served."""
        return self.deployed / "models.config"

    @property
    def monitoring_config(self) -> Path:
        """Returns the file that says where the server's metrics are read."""
        return self.deployed / "monitoring.config"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def request_log(self) -> Path:
        """Returns what the names of the server's request log begin with."""
        return self.folder / "request-log" / "requests"

    @property
    def request_log_of_model(self) -> Path:
        """Returns the same for this model's requests alone."""
        return self.request_log.with_name(f"requests.{self.model}")

    @property
    def run_folder(self) -> Path:
        """Returns where the process ids of servers in the background are kept."""
        return self.folder / "run"
