// The editor of a rule file: line numbers follow the text, a problem leads to its place, and no typed text is lost unasked.
"use strict";

const text = document.getElementById("text");
const gutter = document.querySelector(".gutter");
const first = text.value;
let sending = false;

function number() {
  const count = text.value.split("\n").length;
  text.rows = Math.max(count + 1, 12);
  gutter.textContent = Array.from({ length: count }, (_, line) => `${line + 1}\n`).join("");
}

text.addEventListener("input", number);
if (gutter.textContent.split("\n").length - 1 !== text.value.split("\n").length) {
  number(); // a browser that came back here kept what had been typed
}

function goTo(line, column) {
  const lines = text.value.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const place = before + Math.min(column - 1, (lines[line - 1] || "").length);
  text.focus();
  text.setSelectionRange(place, place);
  const editor = text.closest(".editor");
  editor.scrollTop = (line - 1) * (text.scrollHeight / text.rows) - editor.clientHeight / 2;
}

for (const link of document.querySelectorAll("a[data-line]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(Number(link.dataset.line), Number(link.dataset.column));
  });
}

const form = document.getElementById("edit");
form.addEventListener("submit", () => {
  sending = true;
});
window.addEventListener("beforeunload", (event) => {
  if ((text.value !== first || form.dataset.unsaved) && !sending) {
    event.preventDefault();
  }
});
