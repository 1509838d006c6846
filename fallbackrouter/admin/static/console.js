// What every page of the console needs beside htmx: what came of an action is told, and live lists stay short.
"use strict";

const told = () => document.getElementById("told");

function tell(sentence, mood) {
  const line = document.createElement("p");
  line.className = `told ${mood}`;
  line.textContent = sentence;
  told().replaceChildren(line);
}

// A refusal is an RFC 9457 document; without a login there is nothing to see here any more.
document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  if (answer.status === 401) {
    location.reload();
    return;
  }
  let sentence = `${answer.status}`;
  try {
    sentence = JSON.parse(answer.responseText).detail || sentence;
  } catch {
    // Not ours: a proxy's page, of which the status says enough.
  }
  tell(sentence, "bad");
});
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => tell(told().dataset.unreached, "bad"));
}

// A live list holds as many rows as `data-most` says.
document.addEventListener("htmx:sseMessage", (event) => {
  const list = event.target;
  const most = Number(list.dataset ? list.dataset.most : 0);
  while (most && list.children.length > most) {
    list.lastElementChild.remove();
  }
});

// Live data that stopped says so, where it stands; a browser tries again by itself.
document.addEventListener("htmx:sseError", (event) => {
  const live = event.target.closest("[sse-connect]");
  if (live) {
    live.dataset.live = "stopped";
  }
});
document.addEventListener("htmx:sseOpen", (event) => {
  event.target.dataset.live = "on";
});

// A time that a page shows stays the page's own: no request is made again when it is left and come back to.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

// A stream that the service ended: the login is over, or the service leaves. Either is seen by loading the page again.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message") {
    location.reload();
  }
});
