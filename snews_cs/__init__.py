"""The SNEWS coincidence server: detector observations in, supernova alerts out.

The way of a message through the package, and the one direction imports take, is drawn in
``docs/architecture.md``.
"""

from importlib.metadata import version

__version__ = version("snews_cs")
