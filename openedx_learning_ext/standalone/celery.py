"""
The default host's Celery application: tasks run at once, in the process that starts them, since there is no broker.

Its settings are Django's, with the prefix ``CELERY_``.
"""

from celery import Celery

app = Celery("learning_ext_host")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
