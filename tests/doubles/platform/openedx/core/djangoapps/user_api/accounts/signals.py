from django.dispatch import Signal as _Signal

USER_RETIRE_LMS_MISC = _Signal()
USER_RETIRE_LMS_CRITICAL = _Signal()
