"""The default host: a small Django project, so that the library runs, is shown and is tested without an LMS."""
