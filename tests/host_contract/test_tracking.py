"""The contract of ``ports.Tracking``."""

import logging

COURSE_ID = "course-v1:OpenedX+Contract+2026"


def test_an_event_is_recorded_with_its_course(host, given):
    course = given.course()

    host.tracking.emit("learning_ext.tool.launched", {"placement": "4711", "graded": True}, course_key=course)

    assert given.events(host) == [
        {
            "name": "learning_ext.tool.launched",
            "data": {"placement": "4711", "graded": True},
            "course_id": COURSE_ID,
        }
    ]


def test_an_event_needs_no_course(host, given):
    host.tracking.emit("learning_ext.swept", {})

    assert given.events(host) == [{"name": "learning_ext.swept", "data": {}, "course_id": None}]


def test_one_event_leaves_no_course_behind_for_the_next(host, given):
    host.tracking.emit("first", {}, course_key=given.course())
    host.tracking.emit("second", {})

    assert [event["course_id"] for event in given.events(host)] == [COURSE_ID, None]


def test_what_happens_to_the_data_afterwards_does_not_change_the_event(host, given):
    data = {"scores": [1]}

    host.tracking.emit("learning_ext.tool.scored", data)
    data["scores"].append(2)

    assert given.events(host)[0]["data"] == {"scores": [1]}


def test_data_that_is_not_json_is_dropped_with_a_warning_and_never_raises(host, given, caplog):
    course = given.course()
    circle = {}
    circle["circle"] = circle

    with caplog.at_level(logging.WARNING):
        for data in ({"course": course}, {"thing": object()}, circle):
            host.tracking.emit("learning_ext.odd", data)

    assert given.events(host) == []
    assert [record.getMessage() for record in caplog.records] == ["event_not_json"] * 3


def test_no_log_line_shows_what_an_event_says_about_a_person(host, given, ada, caplog):
    with caplog.at_level(logging.DEBUG):
        host.tracking.emit("learning_ext.tool.launched", {"name": "Ada Lovelace"}, course_key=given.course())
        host.tracking.emit("learning_ext.odd", {"name": "Ada Lovelace", "thing": object()})

    assert "Lovelace" not in " ".join(str(record.__dict__) for record in caplog.records)
