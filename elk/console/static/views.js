// From what the server says of a panel to elements. All text is set as text, never as HTML.

import { draw } from "./charts.js";

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function cell(value) {
  if (typeof value === "string") return value;
  // Only pages of our own; the server makes no others.
  if (!/^\/[a-z]/.test(value.href)) return value.text;
  return element("a", { href: value.href }, value.text);
}

function table(view, caption) {
  const number = (place) => (view.numbers?.[place] ? "n" : "");
  const head = view.columns.map((name, place) =>
    element("th", { scope: "col", className: number(place) }, name),
  );
  const rows = (view.rows ?? []).map((row) =>
    element(
      "tr",
      {},
      ...row.map((value, place) =>
        element("td", { className: `${number(place)} ${TIME.test(value) ? "t" : ""}` }, cell(value)),
      ),
    ),
  );
  const made = element(
    "table",
    {},
    element("caption", { className: "unseen" }, caption),
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  // What scrolls must be reached by keys, too.
  const scrolled = element("div", { className: "scroll", tabIndex: 0 }, made);
  scrolled.setAttribute("role", "region");
  scrolled.setAttribute("aria-label", caption);
  return scrolled;
}

/** The table is made when somebody opens it. */
function onDemand(view, caption, open) {
  const made = element("details", {}, element("summary", {}, view.chart ? "As a table" : "Show the table"));
  const fill = () => {
    if (made.open && made.children.length === 1) made.append(table(view, caption));
  };
  made.addEventListener("toggle", fill);
  made.open = open;
  fill();
  return made;
}

function tiles(view) {
  const one = (tile) =>
    element(
      "div",
      {},
      element("dd", { className: TIME.test(tile.value) ? "t" : "" }, tile.value),
      element("dt", {}, tile.label),
    );
  return element("dl", { className: "tiles" }, ...view.tiles.map(one));
}

function findings(view) {
  const one = (finding) => [
    element("dt", {}, finding.about),
    element("dd", {}, finding.says),
  ];
  return element("dl", { className: "findings" }, ...view.findings.flatMap(one));
}

function figure(view, title, question, kept) {
  const made = kept ?? element("div", { className: "chart" });
  made.setAttribute("role", "img");
  const series = view.chart.data.map((trace) => trace.name).filter(Boolean);
  const named = series.length ? ` Shown: ${series.join(", ")}.` : "";
  made.setAttribute("aria-label", `${title}. ${question}${named} The table below has all figures.`);
  return made;
}

/** Shows the views of an answer in an element; charts that are there are redrawn in place. */
export function show(holder, answer, title, question) {
  const views = answer.views ?? [];
  const charts = [...holder.querySelectorAll(".chart")];
  const opened = [...holder.querySelectorAll("details")].map((one) => one.open);
  const scrolls = [...holder.querySelectorAll(".scroll")].map((one) => one.scrollTop);
  const drawn = [];
  let place = 0;
  const made = views.map((view) => {
    const name = view.title || title;
    const parts = [];
    if (view.title) parts.push(element("h3", {}, view.title));
    if (view.description) parts.push(element("p", { className: "soft" }, view.description));
    if (view.findings?.length) parts.push(findings(view));
    if (view.tiles?.length) parts.push(tiles(view));
    if (view.chart) {
      const kept = figure(view, name, question, charts[drawn.length]);
      drawn.push([kept, view.chart]);
      parts.push(kept);
    }
    // Large figures are text already.
    if (view.tiles?.length) return element("div", { className: "view" }, ...parts);
    if (view.alternative) parts.push(onDemand(view, name, opened[place++] ?? false));
    else if (view.columns?.length) parts.push(table(view, name));
    return element("div", { className: "view" }, ...parts);
  });
  if (!made.length) made.push(element("p", { className: "nothing" }, answer.nothing ?? ""));
  for (const left of charts.slice(drawn.length)) window.Plotly?.purge(left);
  holder.replaceChildren(...made);
  holder.classList.toggle("several", views.length > 1);
  holder.querySelectorAll(".scroll").forEach((one, n) => (one.scrollTop = scrolls[n] ?? 0));
  for (const [where, chart] of drawn) draw(where, chart);
  return drawn;
}
