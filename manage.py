#!/usr/bin/env python
"""Django's command line for the default host; `learning-ext manage` is the same from an installed package."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openedx_learning_ext.standalone.settings")
    execute_from_command_line(sys.argv)
