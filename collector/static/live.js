// Renews a page that asks for it (<main data-live="seconds">). Without scripts the page is the same, only not renewed.
"use strict";
const main = document.querySelector("main[data-live]");
async function renew() {
  if (document.hidden || main.contains(document.activeElement)) return; // never under a reader's hands
  try {
    const answer = await fetch(location.href);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...next.querySelector("main").childNodes);
    document.querySelector("footer").replaceChildren(...next.querySelector("footer").childNodes);
  } catch {
    document.querySelector("footer").textContent = document.body.dataset.away;
  }
}
if (main) setInterval(renew, Number(main.dataset.live) * 1000);
