// Scores arrive behind the page's back; this shows them without loading it anew.
const shown = new Map();

async function refresh(part) {
  if (document.hidden) return;
  const answer = await fetch(part.dataset.refresh, { redirect: "error" });
  if (answer.status !== 200) return;
  const text = (await answer.text()).trim();
  // Only a change is written: a screen reader says every write aloud, and the focus would be lost.
  if (text === shown.get(part)) return;
  part.innerHTML = text;
  shown.set(part, text);
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  shown.set(part, part.innerHTML.trim());
  const look = () => refresh(part).catch(() => {}); // not reachable now: the page keeps what it shows
  look();
  setInterval(look, 2000);
}
