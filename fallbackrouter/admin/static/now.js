// The chart of *Now*: drawn once, given new figures as they come.
"use strict";

(() => {
  const box = document.getElementById("chart");
  const hidden = document.getElementById("times");
  if (!box || !window.uPlot) {
    return;
  }
  const buttons = [...document.querySelectorAll("button[data-last]")];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const lines = ["p50", "p95", "p99"];
  let last = "hour";
  let latest = JSON.parse(box.dataset.times);
  let chart = null;

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = (times) => [times.at, ...lines.map((name) => times[name])];
  const shown = (value) => (value === null || value === undefined ? "–" : `${value} ${box.dataset.ms}`);
  const language = box.dataset.lang;
  const clock = (at) => new Date(at * 1000).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });

  function draw() {
    const axis = { stroke: token("--faint"), grid: { stroke: token("--line"), width: 1 }, ticks: { stroke: token("--line") } };
    const strokes = [token("--tier-live"), token("--tier-fallback"), token("--tier-last_resort")];
    const options = {
      width: box.clientWidth,
      height: 220,
      cursor: { y: false },
      scales: { y: { range: (_chart, _low, high) => [0, Math.max(10, (high || 0) * 1.1)] } },
      axes: [
        { ...axis, values: (_chart, ticks) => ticks.map(clock) },
        { ...axis, size: 64, values: (_chart, ticks) => ticks.map(shown) },
      ],
      series: [
        { label: box.dataset.time, value: (_chart, at) => (at === null ? "–" : clock(at)) },
        ...lines.map((name, place) => ({
          label: name,
          stroke: strokes[place],
          width: 2,
          dash: [[], [8, 4], [2, 3]][place],
          value: (_chart, value) => shown(value),
        })),
      ],
    };
    if (chart) {
      chart.destroy();
    }
    chart = new window.uPlot(options, rows(latest), box);
  }

  function give(times) {
    latest = times;
    chart.setData(rows(times));
  }

  async function ask() {
    const answer = await fetch(`/now/times?last=${last}`);
    if (answer.ok) {
      give(await answer.json());
    }
  }

  draw();
  new ResizeObserver(() => {
    if (chart.width !== box.clientWidth) {
      chart.setSize({ width: box.clientWidth, height: 220 });
    }
  }).observe(box);
  dark.addEventListener("change", draw);

  for (const button of buttons) {
    button.addEventListener("click", () => {
      last = button.dataset.last;
      for (const one of buttons) {
        one.setAttribute("aria-pressed", String(one === button));
      }
      ask();
    });
  }
  setInterval(() => last === "day" && ask(), 60000);

  hidden.addEventListener("htmx:sseBeforeMessage", (event) => {
    event.preventDefault();
    if (last === "hour") {
      give(JSON.parse(event.detail.data));
    }
  });
})();
