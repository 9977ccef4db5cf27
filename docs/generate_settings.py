"""
Write ``docs/references/settings.rst`` from the declarations in ``core/conf.py``.

Run by ``make docs``; a test compares the page in the repository with what this makes.
"""

from pathlib import Path

from openedx_learning_ext.core import conf

PAGE = Path(__file__).parent / "references" / "settings.rst"

HEAD = """\
.. Made by docs/generate_settings.py from openedx_learning_ext/core/conf.py. Change that, then run "make docs".

Settings
========

Every setting that the library reads. All have a default; a value that means nothing is the system check error
``learning_ext.E002`` when the site starts. Ours have flat names that begin with ``OPENEDX_LEARNING_EXT_``.
"""

GROUPS = (
    ("us", "Ours", "Set these where the site's settings are kept (with Tutor: in a plugin's settings patch)."),
    ("platform", "The platform's, read by us", "We read these where they exist and never assign them."),
    ("django", "Django's, read by us", "We read these and never assign them."),
)


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for owner, title, intro in GROUPS:
        parts += [title, "-" * len(title), "", intro, ""]
        for setting in conf.all_settings():
            if setting.owner == owner:
                parts += [f"``{setting.name}``", f"    {setting.sentence}", ""]
                parts += [f"    Default: ``{setting.default!r}``", ""]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
