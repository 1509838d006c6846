// Ticks all check boxes of the list at once; without scripts there is no such button.
"use strict";

for (const acts of document.querySelectorAll("[data-all]")) {
  const all = document.createElement("button");
  all.type = "button";
  all.className = "quiet";
  all.textContent = acts.dataset.all;
  all.addEventListener("click", () => {
    const boxes = [...acts.closest("form").querySelectorAll("input[name=event]")];
    const to = boxes.some((box) => !box.checked);
    for (const box of boxes) {
      box.checked = to;
    }
  });
  acts.append(all);
}
