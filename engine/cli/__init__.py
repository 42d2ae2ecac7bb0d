"""The command line. Commands import what they need when they run, so that the light ones stay light."""

from engine.cli.main import main

__all__ = ["main"]
