"""The version of umbel, in one place: the build, the Answer and the command line read it here."""

__version__ = "0.1.0"
