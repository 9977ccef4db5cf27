"""``lti.md`` 1.7, rows 4 and 5, in a real browser: what stands below a launched exercise."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as when

from openedx_learning_ext.lti_provider.models import ScoreDelivery
from tests.doubles.campusside import GRADED, launch_path
from tests.standalone.test_browser import chromium, until  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LINE = (By.CLASS_NAME, "learning-ext-grade-state")


@pytest.fixture
def launched(campus, live_server, settings, chromium):  # noqa: F811
    """A browser in which a campus has launched the exercise for a grade. Nothing is sent: nobody rings."""
    settings.OPENEDX_LEARNING_EXT_DELIVERY_BELL = False
    path = launch_path(campus.usage_key)
    pairs = campus.form(
        base=live_server.url, path=path, launch_presentation_return_url="https://campus.example/course", **GRADED
    )
    inputs = "".join(f'<input name="{escape(name)}" value="{escape(value)}">' for name, value in pairs)
    page = f'<form method="post" action="{live_server.url}{path}">{inputs}<button>Go</button></form>'
    chromium.get(f"data:text/html;charset=utf-8,{quote(page)}")
    chromium.find_element(By.TAG_NAME, "button").click()
    until(chromium, when.title_contains("The exercise"))
    return chromium


def answer(browser):
    """Answer the exercise."""
    browser.find_element(By.XPATH, "//label[text()='42']").click()
    browser.find_element(By.XPATH, "//button[text()='Answer']").click()


def test_row_5_after_an_answer_the_learner_is_told_whether_the_campus_has_the_grade(launched):
    assert launched.find_elements(*LINE) == []

    answer(launched)
    until(launched, when.text_to_be_present_in_element(LINE, "by itself"))
    ScoreDelivery.objects.update(state="parked")
    launched.execute_script("document.dispatchEvent(new Event('learning-ext-answered'))")

    until(launched, when.text_to_be_present_in_element(LINE, "tell your course team"))
    line = launched.find_element(*LINE)
    assert (line.get_attribute("role"), line.get_attribute("aria-live")) == ("status", "polite")


def test_row_4_who_has_no_cookies_is_told_and_offered_the_course_in_a_new_window(launched):
    launched.delete_all_cookies()

    answer(launched)

    until(launched, when.text_to_be_present_in_element(LINE, "blocks cookies"))
    link = launched.find_element(*LINE).find_element(By.TAG_NAME, "a")
    assert link.get_attribute("href") == "https://campus.example/course"
    assert link.get_attribute("target") == "_blank"
