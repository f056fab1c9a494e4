// Panels: each asks for its own answer, and says itself what went wrong with it.

import { draw } from "./charts.js";
import { show } from "./views.js";

const TIMEOUT = 20_000;

/** Asks the console; gives what it says, or throws what people are told. */
export async function ask(path, signal) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]) });
  } catch (error) {
    if (signal.aborted) throw error;
    throw Object.assign(new Error("The console does not answer; start it again with 'millrace console'"), {
      away: true,
    });
  }
  const body = await response.json().catch(() => ({ error: `status ${response.status}` }));
  if (!response.ok) throw Object.assign(new Error(body.error), { away: Boolean(body.away) });
  return body;
}

export class Panel {
  constructor(section, dashboard) {
    this.section = section;
    this.path = `/api/panels/${dashboard}/${section.dataset.panel}`;
    this.title = section.querySelector("h2").textContent;
    this.question = section.querySelector(".question").textContent;
    this.views = section.querySelector(".views");
    this.error = section.querySelector(".error");
    this.drawn = [];
    this.last = "";
  }

  /** Loads it; gives why that failed: an error, or nothing. */
  async load(query, signal) {
    this.section.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(`${this.path}?${query}`, signal);
      const text = JSON.stringify(answer);
      // What has not changed keeps its place, focus and selection.
      if (text !== this.last) this.drawn = show(this.views, answer, this.title, this.question);
      this.last = text;
      this.tell("");
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      this.tell(error.message);
      return error;
    } finally {
      this.section.setAttribute("aria-busy", "false");
    }
  }

  /** Whether one of its charts has the marks of the page. */
  get isMarked() {
    return this.drawn.some(([, chart]) => chart.layout.meta?.marked);
  }

  /** Draws its charts again, in other colours. */
  redraw() {
    for (const [where, chart] of this.drawn) draw(where, chart);
  }

  tell(sentence) {
    if (this.error.textContent !== sentence) this.error.textContent = sentence;
    this.error.hidden = !sentence;
    this.section.classList.toggle("stale", Boolean(sentence));
    if (sentence && !this.last) this.views.replaceChildren();
  }
}
