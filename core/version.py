"""The project's version, also where it is not installed as a package: in the server's image."""

VERSION = "0.1.0"
