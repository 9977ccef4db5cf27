"""As much of the platform's grades as our app listens to."""

from types import SimpleNamespace

from django.dispatch import Signal

signals = SimpleNamespace(PROBLEM_WEIGHTED_SCORE_CHANGED=Signal())
