// The live list of *Calls*: can be held, and shows no call twice.
"use strict";

(() => {
  const list = document.getElementById("calls");
  const button = document.getElementById("pause");
  if (!list || !button) {
    return;
  }
  const words = { hold: button.textContent, resume: button.dataset.resume };
  let held = false;

  button.addEventListener("click", () => {
    if (held) {
      // What came meanwhile is on the page that is loaded now.
      location.reload();
      return;
    }
    held = true;
    button.setAttribute("aria-pressed", "true");
    button.textContent = words.resume;
  });

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (held) {
      event.preventDefault();
    }
  });

  // A connection that broke begins with what came last: rows that are here already.
  list.addEventListener("htmx:sseMessage", () => {
    const seen = new Set();
    for (const row of [...list.children]) {
      if (seen.has(row.id)) {
        row.remove();
      }
      seen.add(row.id);
    }
    document.getElementById("none")?.remove();
  });
})();
