from rest_framework.authentication import BaseAuthentication as _BaseAuthentication


class BearerAuthenticationAllowInactiveUser(_BaseAuthentication):
    pass
