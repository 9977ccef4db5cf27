"""
A campus, for demonstration: it launches our content and keeps a gradebook.

It stands beside the default host, not in it: it has people, a store and an outcome service of its own, and it signs and
checks with ``oauthlib`` and ``lti`` from the package index instead of ``core.lti``, so that an error of ours cannot
cancel out.
"""
