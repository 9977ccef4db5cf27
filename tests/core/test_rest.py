"""Errors as HTTP answers, and the count of refusals."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.test import RequestFactory
from opaque_keys.edx.keys import CourseKey
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from openedx_learning_ext.core import errors, rest
from openedx_learning_ext.core.host import ports

DEMO = CourseKey.from_string("course-v1:OpenedX+Demo+2026")


class RoomClosed(errors.Conflict):
    """The room is closed."""


class Raises(rest.ExtAPIView):
    """Raises what it is given."""

    permission_classes = []
    error = None

    def get(self, request):
        """Raise it."""
        raise self.error


def answer_to(error):
    return Raises.as_view(error=error)(APIRequestFactory().get("/")).render()


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.Invalid("no"), 400, "Invalid"),
        (errors.Forbidden("no"), 403, "Forbidden"),
        (errors.NotFound("no"), 404, "NotFound"),
        (errors.Conflict("no"), 409, "Conflict"),
        (errors.Unavailable("no"), 503, "Unavailable"),
        (RoomClosed(), 409, "RoomClosed"),
        (ports.CourseNotFound(), 404, "CourseNotFound"),
        (ports.CourseAccessDenied("not_enrolled", "/login/?next=secret"), 403, "CourseAccessDenied"),
    ],
)
def test_a_kind_is_a_status_and_the_name_of_the_error(error, status, name):
    response = answer_to(error)

    assert response.status_code == status
    assert response.data == {"error": name}
    assert "Retry-After" not in response


def test_unavailable_says_when_to_ask_again_where_that_is_known():
    response = answer_to(errors.Unavailable(retry_after_seconds=30))

    assert (response.status_code, response["Retry-After"]) == (503, "30")


def test_the_text_of_an_error_is_not_answered():
    assert b"room 4" not in answer_to(errors.NotFound("there is no room 4")).content


def test_an_error_that_is_none_of_ours_is_left_to_drf():
    response = answer_to(ValidationError({"title": ["too long"]}))

    assert (response.status_code, response.data) == (400, {"title": ["too long"]})
    with pytest.raises(ZeroDivisionError):
        answer_to(ZeroDivisionError())


def test_wrong_fields_are_sent_in_drfs_own_form():
    with pytest.raises(ValidationError) as caught, rest.sends_errors():
        raise errors.Invalid(fields={"title": ["too long"]})

    assert caught.value.detail == {"title": ["too long"]}


@pytest.mark.parametrize("error", [errors.Invalid("no fields"), RoomClosed(), ValueError("other")])
def test_other_errors_pass_through(error):
    with pytest.raises(type(error)) as caught, rest.sends_errors():
        raise error

    assert caught.value is error


def test_no_error_is_no_error():
    with rest.sends_errors():
        done = True

    assert done


def test_somebody_anonymous_is_asked_to_sign_in(db):
    class Closed(rest.ExtAPIView):
        def get(self, request):
            return Response({})

    response = Closed.as_view()(APIRequestFactory().get("/"))

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("JWT")


@pytest.mark.django_db(transaction=True)
def test_an_error_rolls_back_what_the_request_wrote_where_requests_are_transactions(demo_course, monkeypatch):
    class WritesAndFails(rest.ExtAPIView):
        permission_classes = []

        def get(self, request):
            type(demo_course).objects.filter(pk=demo_course.pk).update(display_name="half done")
            raise RoomClosed

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with transaction.atomic():  # what ATOMIC_REQUESTS puts around a view
        response = WritesAndFails.as_view()(APIRequestFactory().get("/"))

    demo_course.refresh_from_db()
    assert response.status_code == 409
    assert demo_course.display_name == "Demonstration Course"


# -- who may -----------------------------------------------------------------------------------------------------------


class Rooms(rest.CourseTeamView):
    """Answers the course it is asked about."""

    def get(self, request, course_id):
        """Return the course."""
        return Response({"course": str(self.course_key)})


@pytest.fixture
def ask(client_of):
    def get(user, course_id):
        request = APIRequestFactory().get("/")
        request._force_auth_user = user
        return Rooms.as_view()(request, course_id=course_id)

    return get


def test_the_course_team_gets_in_and_others_do_not(ask, ada, grace, grace_elsewhere, admin):
    statuses = {user.username: ask(user, str(DEMO)).status_code for user in (ada, grace, grace_elsewhere, admin)}

    assert statuses == {"ada": 403, "grace": 200, "greta": 403, "admin": 200}


def test_an_unknown_course_is_404_for_site_staff_and_403_for_others(ask, ada, admin):
    missing = "course-v1:OpenedX+Nothing+2026"

    assert ask(ada, missing).status_code == 403
    response = ask(admin, missing)
    assert (response.status_code, response.data) == (404, {"error": "CourseNotFound"})


def test_what_is_no_course_key_is_404(ask, admin, demo_course):
    assert ask(admin, "course-v1:Open edX+Demo").status_code == 404


# -- counted refusals --------------------------------------------------------------------------------------------------


def rate(limit="3/m", scope="test", address="192.0.2.1"):
    return rest.FailureRate(scope, RequestFactory().get("/", REMOTE_ADDR=address), limit)


def test_the_limit_is_reached_by_as_many_refusals_and_no_sooner():
    for expected in (False, False, False, True):
        assert rate().is_over() is expected
        rate().count()


def test_no_limit_counts_nothing():
    for _ in range(5):
        rate(None).count()

    assert not rate(None).is_over()
    assert not rate("1/m").is_over()


def test_addresses_and_scopes_are_counted_apart():
    rate("1/m").count()

    assert rate("1/m").is_over()
    assert not rate("1/m", address="192.0.2.2").is_over()
    assert not rate("1/m", scope="other").is_over()


@pytest.mark.parametrize(("limit", "seconds"), [("1/s", 1), ("1/m", 60), ("1/h", 3600), ("1/d", 86_400)])
def test_the_span_is_that_of_the_limit(limit, seconds):
    assert rate(limit).span_seconds == seconds


def test_the_span_begins_with_the_first_refusal_and_is_not_drawn_out_by_later_ones(monkeypatch):
    now = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    for second in range(50):
        now = 1_000_000.0 + second
        rate("50/m").count()
    assert rate("50/m").is_over()

    now = 1_000_061.0

    assert not rate("50/m").is_over()
    rate("50/m").count()
    assert not rate("50/m").is_over()


def test_a_span_that_ends_just_before_a_refusal_is_counted_begins_anew(monkeypatch):
    backend = caches["default"]
    increment = backend.incr

    def too_late(key, *args, **kwargs):
        backend.delete(key)
        return increment(key, *args, **kwargs)

    rate("2/m").count()
    monkeypatch.setattr(backend, "incr", too_late)
    rate("2/m").count()
    assert not rate("2/m").is_over()

    monkeypatch.undo()
    rate("2/m").count()
    assert rate("2/m").is_over()


def test_refusals_at_the_same_moment_are_all_counted():
    with ThreadPoolExecutor(16) as threads:
        for future in [threads.submit(rate("1000/h").count) for _ in range(400)]:
            future.result()

    assert rate("400/h").is_over()
    assert not rate("401/h").is_over()


def test_the_address_is_not_written_into_the_cache():
    rate(address="198.51.100.23").count()

    assert cache._cache
    assert not any("198.51.100.23" in key for key in cache._cache)
