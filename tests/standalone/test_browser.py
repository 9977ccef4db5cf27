"""A real browser: what scripts, frames, cookies and policies do together, as a person meets it."""

from __future__ import annotations

import os
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as when
from selenium.webdriver.support.ui import WebDriverWait

WAIT_SECONDS = 20
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
]


@pytest.fixture
def chromium(tmp_path):
    """Chromium with a profile of its own. Missing, it is a reason to skip, but not where every change is checked."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (program and driver):
        text = "chromium and chromedriver are needed: apt-get install chromium chromium-driver"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(text)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def until(browser, condition):
    """Wait until something is there, and return it."""
    return WebDriverWait(browser, WAIT_SECONDS).until(condition)


def sign_in(browser, site, name):
    """Sign in through the form."""
    browser.get(f"{site.url}/login/")
    browser.find_element(By.NAME, "username").send_keys(name)
    browser.find_element(By.NAME, "password").send_keys(name)
    browser.find_element(By.CSS_SELECTOR, "main form button").click()
    until(browser, when.title_contains("My courses"))


def test_ada_starts_the_tool_in_the_course_and_sees_her_score_there(site, chromium):
    sign_in(chromium, site, "ada")

    chromium.find_element(By.PARTIAL_LINK_TEXT, "A tour").click()
    chromium.find_element(By.LINK_TEXT, "Quiz corner").click()
    until(chromium, when.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, "iframe.tool")))
    greeting = until(chromium, when.visibility_of_element_located((By.ID, "greeting"))).text
    chromium.find_element(By.ID, "id_score").clear()
    chromium.find_element(By.ID, "id_score").send_keys("65")
    chromium.find_element(By.ID, "send").click()
    answer = until(chromium, when.visibility_of_element_located((By.ID, "answer"))).text
    chromium.switch_to.default_content()

    assert greeting == "Hello ada, you learn here"
    assert answer == "The course accepted the score."
    # The page around the frame learns of it without being loaded anew ...
    until(chromium, when.text_to_be_present_in_element((By.ID, "score"), "6.5 of 10"))
    # ... and the course shows it.
    chromium.find_element(By.LINK_TEXT, "Back to the course").click()
    assert until(chromium, when.visibility_of_element_located((By.CLASS_NAME, "score"))).text == "Your score: 6.5 of 10"
    assert [entry for entry in chromium.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_grace_adds_a_tool_and_starts_it_in_a_new_window(site, chromium):
    sign_in(chromium, site, "grace")

    chromium.find_element(By.PARTIAL_LINK_TEXT, "Tools of this course").click()
    chromium.find_element(By.LINK_TEXT, "Quiz corner").click()
    chromium.find_element(By.LINK_TEXT, "Open in a new window").click()
    until(chromium, when.number_of_windows_to_be(2))
    chromium.switch_to.window(chromium.window_handles[1])
    greeting = until(chromium, when.visibility_of_element_located((By.ID, "greeting"))).text

    assert "you teach here" in greeting


def test_a_score_can_be_sent_from_the_sign_in_page_on_by_keyboard_alone(site, chromium):
    def press(*keys):
        """Press keys; they go to whatever has the focus, in a frame too."""
        ActionChains(chromium).send_keys(*keys).perform()

    def focused():
        return chromium.switch_to.active_element

    def tab_to(wanted, what):
        """Press Tab until it is there; a person would give up after so many, too."""
        for _ in range(25):
            press(Keys.TAB)
            if wanted(focused()):
                return
        pytest.fail(f"Tab never came to {what}")

    chromium.get(f"{site.url}/login/")
    press("ada", Keys.TAB, "ada", Keys.ENTER)
    until(chromium, when.title_contains("My courses"))
    press(Keys.TAB)
    assert focused().text == "Skip to the content"
    press(Keys.ENTER, Keys.TAB)
    assert "A tour" in focused().text
    assert focused().value_of_css_property("outline-style") == "solid"
    press(Keys.ENTER)
    until(chromium, when.title_contains("A tour"))
    tab_to(lambda element: element.text == "Quiz corner", "the tool")
    press(Keys.ENTER)
    until(chromium, when.title_contains("Quiz corner"))
    until(chromium, when.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, "iframe.tool")))
    until(chromium, when.visibility_of_element_located((By.ID, "greeting")))
    chromium.switch_to.default_content()

    tab_to(lambda element: element.tag_name == "iframe", "the frame")
    chromium.switch_to.frame(focused())
    tab_to(lambda element: element.get_attribute("id") == "id_score", "the score")
    press(Keys.CONTROL, "a", Keys.NULL, "45")
    tab_to(lambda element: element.get_attribute("id") == "send", "the button")
    assert focused().value_of_css_property("outline-style") == "solid"
    press(Keys.ENTER)

    answer = until(chromium, when.visibility_of_element_located((By.ID, "answer"))).text
    chromium.switch_to.default_content()
    assert answer == "The course accepted the score."
    until(chromium, when.text_to_be_present_in_element((By.ID, "score"), "4.5 of 10"))


def test_who_opens_the_site_by_another_name_gets_a_tool_that_appears(site, chromium):
    assert site.url.startswith("http://localhost:")
    page = f"{site.url.replace('localhost', '127.0.0.1')}{site.pages.tool}"

    chromium.get(page)
    chromium.find_element(By.NAME, "username").send_keys("ada")
    chromium.find_element(By.NAME, "password").send_keys("ada", Keys.ENTER)
    until(chromium, when.title_contains("Quiz corner"))
    until(chromium, when.frame_to_be_available_and_switch_to_it((By.CSS_SELECTOR, "iframe.tool")))
    greeting = until(chromium, when.visibility_of_element_located((By.ID, "greeting"))).text

    assert "you learn here" in greeting


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(site, chromium, width):
    sign_in(chromium, site, "grace")
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    pages = {name: address for name, address in vars(site.pages).items() if name != "score"}  # that is part of one
    for name, address in pages.items():
        chromium.get(site.url + address)
        wide = chromium.execute_script("return document.documentElement.scrollWidth")
        assert wide <= width, name
