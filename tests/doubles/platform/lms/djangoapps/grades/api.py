from lms.djangoapps.grades import _signals as signals  # noqa: F401 - an attribute of this module, and no submodule
