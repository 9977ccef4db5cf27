"""The default host as a WSGI application: what ``learning-ext demo`` serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openedx_learning_ext.standalone.settings")

application = get_wsgi_application()
