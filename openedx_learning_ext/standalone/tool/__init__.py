"""
An external LTI tool, for demonstration: it is launched by a course and posts scores back.

It stands beside the default host, not in it: it knows no user and no session of the host, and it checks and signs with
``lti`` and ``oauthlib`` from the package index instead of ``core.lti``, so that an error of ours cannot cancel out.
"""
