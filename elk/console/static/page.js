// A dashboard: what is chosen, all panels at once, and again every few seconds.

import { carry, chosen, offer, restore, showTimes } from "./choices.js";
import { mark } from "./charts.js";
import { Panel, ask } from "./panels.js";

const RETRY_SECONDS = 5;
// A page that is left open asks for at most a tenth of the time.
const REST = 9;

const main = document.getElementById("main");
const form = document.getElementById("choices");
const refresh = document.getElementById("refresh");
const updated = document.getElementById("updated");
const several = document.getElementById("several");
const marks = document.getElementById("marks");
const outage = document.getElementById("outage");
const dashboard = main.dataset.dashboard;
const panels = [...document.querySelectorAll("[data-panel]")].map((one) => new Panel(one, dashboard));

let under = new AbortController();
let timer;
let away = false;
let took = 0;

async function offered(query, signal) {
  const lists = [...form.querySelectorAll("[data-offered]")];
  if (!lists.length) return;
  try {
    const found = await ask(`/api/offered/${dashboard}?${query}`, signal);
    for (const list of lists) {
      if (document.activeElement !== list) offer(list, found[list.name] ?? []);
    }
    const models = query.get("model.name") ? [] : (found["model.name"] ?? []);
    several.textContent =
      models.length > 1
        ? `Figures of ${models.length} models together: ${models.join(", ")}. Choose one above to see it alone.`
        : "";
  } catch {
    // The panels tell it.
  }
}

/** Marks on the charts, and gives them; without them the charts say what they say. */
async function marked(query, signal) {
  const found = await ask(`/api/marks/${dashboard}?${query}`, signal).catch(() => []);
  if (!signal.aborted && mark(found)) panels.forEach((panel) => panel.redraw());
  return found;
}

/** Says what the marks are, where there is a chart that has them. */
function tellMarks(takenOver) {
  const named = takenOver.map((one) => `${one.label} (${one.at.slice(0, 10)})`).join(", ");
  const shown = named && panels.some((panel) => panel.isMarked);
  marks.textContent = shown ? `Dotted lines: another version took over: ${named}.` : "";
}

function tell(failures) {
  const outer = failures.find((error) => error.away);
  const sentence = outer
    ? `${outer.message}. What is shown is what was known before. Trying again every ${RETRY_SECONDS} s.`
    : "";
  if (outage.textContent !== sentence) outage.textContent = sentence;
  if (!outer) updated.textContent = `at ${new Date().toISOString().slice(11, 19)}`;
  away = Boolean(outer);
}

async function load() {
  clearTimeout(timer);
  under.abort();
  under = new AbortController();
  const { signal } = under;
  const query = chosen(form);
  carry(query);
  const began = performance.now();
  const [takenOver, ...found] = await Promise.all([
    marked(query, signal),
    ...panels.map((panel) => panel.load(query, signal)),
    offered(query, signal),
  ]);
  if (signal.aborted) return;
  took = (performance.now() - began) / 1000;
  tellMarks(takenOver);
  tell(found.filter(Boolean));
  schedule();
}

/** An outage is looked after also where nothing else is refreshed. */
function schedule() {
  clearTimeout(timer);
  const seconds = away ? RETRY_SECONDS : Number(refresh.value);
  if (seconds <= 0) return;
  const rest = away ? seconds : Math.max(seconds, REST * took);
  timer = setTimeout(() => (document.hidden ? schedule() : load()), rest * 1000);
}

function choose(event) {
  event?.preventDefault();
  showTimes(form);
  const { from, to, range } = form.elements;
  if (range.value === "absolute" && !(from.value && to.value)) return;
  const query = chosen(form).toString();
  history.pushState(null, "", query ? `?${query}` : location.pathname);
  load();
}

form.addEventListener("submit", choose);
form.addEventListener("change", (event) => {
  if (event.target !== refresh) choose();
});
refresh.addEventListener("change", () => {
  try {
    localStorage.setItem("refresh", refresh.value);
  } catch {
    // It holds for this page.
  }
  schedule();
});
window.addEventListener("popstate", () => {
  restore(form);
  load();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && Number(refresh.value) > 0) load();
});
document.addEventListener("theme", () => panels.forEach((panel) => panel.redraw()));

try {
  const kept = localStorage.getItem("refresh");
  if ([...refresh.options].some((option) => option.value === kept)) refresh.value = kept;
} catch {
  // A browser that keeps nothing.
}
restore(form);
load();
