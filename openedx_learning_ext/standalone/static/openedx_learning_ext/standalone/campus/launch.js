// Sends the learner over as soon as the page is there; without scripts there is the button.
HTMLFormElement.prototype.submit.call(document.getElementById("lti-launch"));
