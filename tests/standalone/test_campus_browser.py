"""The campus in a real browser: a launch in a frame, cookies of one host, and a grade that arrives behind the page."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as when

from openedx_learning_ext.lti_provider import api as lti_provider
from openedx_learning_ext.standalone.campus import gradebook
from openedx_learning_ext.standalone.campus.service import Behaviour, service

from .test_browser import chromium, until  # noqa: F401  # a fixture


@pytest.fixture(autouse=True)
def campus(settings, tmp_path):
    """The campus with its outcome service on, and a file of its own."""
    settings.DATA_DIR = tmp_path
    service.switch_on()
    yield
    service.switch_off()
    service.behave(Behaviour.WELL)


def into_the_frame(browser):
    """Wait for the exercise, and look into its frame."""
    browser.switch_to.default_content()
    until(browser, when.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe")))
    until(browser, when.text_to_be_present_in_element((By.TAG_NAME, "h1"), "A score on its way"))


def line(browser):
    """Return where the line about the grade is."""
    return By.CLASS_NAME, "learning-ext-grade-state"


def test_ada_answers_in_the_frame_and_both_sides_show_her_score(site, chromium):  # noqa: F811
    chromium.get(f"{site.url}/campus/")
    chromium.find_element(By.CSS_SELECTOR, "button[value=ada]").click()
    into_the_frame(chromium)
    chromium.find_elements(By.CSS_SELECTOR, "input[type=checkbox]")[1].click()
    chromium.find_element(By.CSS_SELECTOR, ".exercise button").click()
    until(chromium, when.text_to_be_present_in_element((By.CLASS_NAME, "score"), "5 of 10"))
    until(chromium, when.text_to_be_present_in_element(line(chromium), "will be sent to your campus by itself"))
    lti_provider.deliver_due()
    until(chromium, when.text_to_be_present_in_element(line(chromium), "was sent to your campus"))
    chromium.switch_to.default_content()
    until(chromium, when.text_to_be_present_in_element((By.CSS_SELECTOR, ".grade strong"), "5 of 10"))

    # The launch has signed her in anew in the frame; the forms of the campus work all the same.
    chromium.find_element(By.LINK_TEXT, "Gradebook").click()
    chromium.find_element(By.CSS_SELECTOR, "button[value=off]").click()
    until(chromium, when.text_to_be_present_in_element((By.ID, "service-state"), "Off."))

    assert not service.is_on
    assert [entry for entry in chromium.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_by_keyboard_alone(site, chromium):  # noqa: F811
    def tab_to(wanted, what):
        """Press Tab until it is there; a person would give up after so many, too."""
        for _ in range(25):
            ActionChains(chromium).send_keys(Keys.TAB).perform()
            element = chromium.switch_to.active_element
            if wanted(element):
                assert element.value_of_css_property("outline-style") in ("solid", "auto") or what == "the frame"
                return element
        pytest.fail(f"Tab never came to {what}")

    chromium.get(f"{site.url}/campus/")
    tab_to(lambda element: element.text == "Come in as Ada Lindqvist", "the button").send_keys(Keys.ENTER)
    into_the_frame(chromium)
    chromium.switch_to.default_content()
    chromium.switch_to.frame(tab_to(lambda element: element.tag_name == "iframe", "the frame"))
    tab_to(lambda element: element.get_attribute("value") == "1", "the option").send_keys(Keys.SPACE)
    tab_to(lambda element: element.text == "Answer", "the answer").send_keys(Keys.ENTER)
    until(chromium, when.text_to_be_present_in_element((By.CLASS_NAME, "score"), "5 of 10"))


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(site, chromium, width):  # noqa: F811
    gradebook.take("ada", 0.5)
    gradebook.note("refused: signature")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    chromium.get(f"{site.url}/campus/")
    chromium.find_element(By.CSS_SELECTOR, "button[value=ada]").click()
    into_the_frame(chromium)
    framed = chromium.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    chromium.switch_to.default_content()

    assert framed
    for path in ("/campus/", "/campus/course/", "/campus/gradebook/"):
        chromium.get(site.url + path)
        assert chromium.execute_script("return document.documentElement.scrollWidth") <= width, path
