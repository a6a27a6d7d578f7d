"""The application: catalogue, resolution, derivation, architecture, commands."""

__version__ = "0.1.0"
