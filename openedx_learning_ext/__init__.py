"""Five learning apps that an Open edX site adds without changing the platform."""

__version__ = "0.1.0"
