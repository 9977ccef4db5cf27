"""How the documentation is built. Nothing is fetched: it builds without a network."""

from openedx_learning_ext import __version__

project = "openedx-learning-ext"
author = "The openedx-learning-ext contributors"
release = version = __version__
extensions = []
exclude_patterns = ["_build"]
nitpicky = True
html_theme = "alabaster"
html_theme_options = {
    "description": "Five learning apps that an Open edX site adds without changing the platform.",
    "fixed_sidebar": True,
}
html_show_sphinx = False
