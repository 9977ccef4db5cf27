"""
The always-on prefix ``api/learning_ext/``: one part an app, and health. Namespace ``learning_ext``.

On a host like the LMS every app has its API here; in Studio only those that course teams use there.
"""

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from openedx_learning_ext.core.host import coexistence
from openedx_learning_ext.health import health

urlpatterns: list[URLPattern | URLResolver] = [path("health/", health, name="health")]

if apps.is_installed("openedx_learning_ext.lti_consumer") and not coexistence.in_studio():
    from openedx_learning_ext.lti_consumer.urls import api_patterns as lti_consumer_patterns

    urlpatterns.append(path("lti_consumer/v1/", include((lti_consumer_patterns, "lti_consumer"))))

if apps.is_installed("openedx_learning_ext.lti_provider") and not coexistence.in_studio():
    from openedx_learning_ext.lti_provider.urls import api_patterns as lti_provider_patterns

    urlpatterns.append(path("lti_provider/v1/", include((lti_provider_patterns, "lti_provider"))))
