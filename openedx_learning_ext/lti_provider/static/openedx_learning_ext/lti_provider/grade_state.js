/*
 * Says below a launched exercise whether the campus has the grade.
 *
 * Asks when the page is ready and after each submission. 401 means that the session did not come back, that is, that the
 * browser blocks our cookies in this frame.
 */
(function () {
  "use strict";

  var script = document.currentScript;
  var texts = JSON.parse(script.dataset.texts);
  // A submission takes a moment to be scored, and a grade takes another to be sent.
  var afterSubmission = [1000, 3000, 8000, 20000];
  var line = null;
  var timers = [];

  function show(text, link) {
    if (!line) {
      line = document.createElement("p");
      line.className = "learning-ext-grade-state";
      line.setAttribute("role", "status");
      line.setAttribute("aria-live", "polite");
      line.style.cssText = "margin:1rem;padding:.5rem .75rem;border-inline-start:.25rem solid currentColor";
      document.body.appendChild(line);
    }
    if (line.dataset.text === text) {
      return;
    }
    line.dataset.text = text;
    line.textContent = text;
    line.hidden = !text;
    if (link) {
      var anchor = document.createElement("a");
      anchor.href = link;
      anchor.target = "_blank";
      anchor.rel = "noopener";
      anchor.textContent = texts.new_window;
      line.append(" ", anchor);
    }
  }

  function tell(answer) {
    if (answer.state === "none") {
      return;
    }
    var when = answer.sent_at ? new Date(answer.sent_at).toLocaleString(document.documentElement.lang || undefined) : "";
    show(texts[answer.state].replace("{when}", when));
  }

  function ask() {
    fetch(script.dataset.stateUrl, { credentials: "same-origin", cache: "no-store" })
      .then(function (response) {
        if (response.status === 401) {
          show(texts.no_cookies, script.dataset.returnUrl);
        } else if (response.ok) {
          return response.json().then(tell);
        }
      })
      .catch(function () {
        // Not reachable now: the line keeps saying what it said.
      });
  }

  function askAfterSubmission() {
    timers.forEach(clearTimeout);
    timers = afterSubmission.map(function (delay) {
      return setTimeout(ask, delay);
    });
  }

  // Pages that answer without a form, or say so themselves.
  document.addEventListener("learning-ext-answered", askAfterSubmission);
  document.addEventListener("submit", askAfterSubmission, true);
  document.addEventListener("click", function (event) {
    if (event.target instanceof Element && event.target.closest("button, input[type=submit]")) {
      askAfterSubmission();
    }
  }, true);
  ask();
})();
