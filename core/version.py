"""The project's version, for places where it is not an installed package: the server's image."""

VERSION = "0.1.0"
