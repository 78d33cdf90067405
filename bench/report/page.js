"use strict";
// The page is whole without this. It lets a reader hide series, and read the
// values at a place of a plot, which it takes from the table below the plot.
const faults = [...document.querySelectorAll(".marks li")].map((li) => (
  { from: Number(li.dataset.from), to: Number(li.dataset.to), name: " · " + li.querySelector("b").textContent + " " + li.querySelector("span").textContent }));
for (const figure of document.querySelectorAll("figure.plot")) {
  const rows = [...figure.querySelectorAll("tr[data-at]")];
  const outputs = [...figure.querySelectorAll(".legend output")];
  const drawings = [...figure.querySelectorAll("svg")];
  let now = -1;

  const show = (n) => {
    now = n;
    const row = rows[n];
    outputs.forEach((output, i) => { output.textContent = row ? row.cells[i].textContent.trim() : ""; });
    const first = drawings[0].dataset;
    if (row && first.high) {
      const at = Number(first.low) + Number(row.dataset.at) * (first.high - first.low);
      outputs[0].textContent += faults.filter((f) => f.from <= at && at <= f.to).map((f) => f.name).join("");
    }
    for (const svg of drawings) {
      const hair = svg.querySelector(".hair");
      hair.classList.toggle("on", Boolean(row));
      if (!row) continue;
      const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
      const x = left + Number(row.dataset.at) * (right - left);
      hair.setAttribute("x1", x);
      hair.setAttribute("x2", x);
    }
  };

  for (const svg of drawings) {
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const at = (x - svg.dataset.left) / (svg.dataset.right - svg.dataset.left);
      let near = -1, least = 2;
      rows.forEach((row, i) => {
        const away = Math.abs(row.dataset.at - at);
        if (away < least) { least = away; near = i; }
      });
      show(near);
    });
    svg.addEventListener("pointerleave", () => show(-1));
    svg.tabIndex = 0;
    svg.addEventListener("blur", () => show(-1));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || rows.length === 0) return;
      event.preventDefault();
      show(Math.min(Math.max(now + step, 0), rows.length - 1));
    });
  }

  const items = [...figure.querySelectorAll(".legend li[data-series]")];
  if (items.length < 2) continue;
  for (const item of items) {
    const name = item.querySelector(".name");
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      for (const part of figure.querySelectorAll(`svg [data-series="${item.dataset.series}"]`)) {
        part.classList.toggle("off", !on);
      }
    });
  }
}
