"""
Libraries that others speak LTI with, brought in as they are, with what they need on today's Python.

python-oauth2 (below PyLTI) compares versions with ``distutils``, which warns at import; our suite turns warnings into
errors. Its client, an ``httplib2.Http``, keeps its connection open and is thrown away by PyLTI, which is a leak in
Python's development mode: ``closing_clients`` closes each after its one request.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from unittest import mock

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import oauth2
    from pylti import common as pylti

from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint

__all__ = ["SignatureOnlyEndpoint", "Validator", "closing_clients", "oauth2", "pylti"]


@contextmanager
def closing_clients():
    """Have every python-oauth2 client close its connection after a request."""
    really_request = oauth2.Client.request

    def request(client, *args, **kwargs):
        try:
            return really_request(client, *args, **kwargs)
        finally:
            client.close()

    with mock.patch.object(oauth2.Client, "request", request):
        yield


class Validator(RequestValidator):
    """A tool's validator for oauthlib: it knows one key and takes every fresh nonce once."""

    enforce_ssl = False

    def __init__(self, key, secret):
        super().__init__()
        self._key, self._secret, self._nonces = key, secret, set()

    # A key may be shorter than oauthlib likes.
    client_key_length = 1, 255
    nonce_length = 1, 255

    @property
    def safe_characters(self):
        """Any printable ASCII."""
        return {chr(code) for code in range(33, 127)}

    @property
    def dummy_client(self):
        """Answer a key nobody has."""
        return "nobody"

    def validate_client_key(self, client_key, request):
        """Tell whether the key is the one."""
        return client_key == self._key

    def get_client_secret(self, client_key, request):
        """Answer the one secret."""
        return self._secret

    def validate_timestamp_and_nonce(
        self, client_key, timestamp, nonce, request, request_token=None, access_token=None
    ):
        """Take a nonce once."""
        is_new = (client_key, timestamp, nonce) not in self._nonces
        self._nonces.add((client_key, timestamp, nonce))
        return is_new
