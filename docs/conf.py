"""Configuration of Sphinx."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from snews_cs import __version__

project = "snews_cs"
author = "The snews_cs developers"
copyright = "the snews_cs developers, BSD-3-Clause"  # noqa: A001
version = release = __version__

extensions = ["myst_parser", "generated"]
exclude_patterns = ["_build"]
nitpicky = True
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"snews_cs {release}"
html_static_path = ["_static"]
html_css_files = ["wrap.css"]
html_copy_source = False
html_show_sphinx = False
