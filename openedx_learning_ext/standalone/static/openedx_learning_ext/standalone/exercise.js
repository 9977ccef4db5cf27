// Sends an answer without leaving the page, so that whatever else stands on it stays: a campus may have added to it.
// Without this the form works all the same.
const main = document.getElementById("main");

async function send(form) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "error" });
  const text = await answer.text();
  const answered = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  if (!answered) throw new Error("no page of ours");
  main.replaceChildren(...answered.childNodes);
  if (answer.ok) document.dispatchEvent(new CustomEvent("learning-ext-answered"));
  const said = main.querySelector("[role=alert], .answer") || main;
  if (said !== main) said.tabIndex = -1;
  said.focus();
}

main.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  // What cannot be sent this way is sent as browsers do it, and whatever comes back is shown.
  send(form).catch(() => form.submit());
});
