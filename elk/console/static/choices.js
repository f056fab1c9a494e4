// What readers chose: in the form, in the address of the page, and in links to other dashboards.

const TIME = ["range", "from", "to"];

/** The choices of the form as a query; what is empty is left out. */
export function chosen(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value !== "") query.append(name, value);
  }
  if (query.get("range") !== "absolute") {
    query.delete("from");
    query.delete("to");
  }
  if (query.get("range") === "all") query.delete("range");
  return query;
}

/** Brings the form to what the address says. */
export function restore(form) {
  const query = new URLSearchParams(location.search);
  for (const field of form.elements) {
    if (!field.name) continue;
    const value = query.get(field.name) ?? (field.name === "range" ? "all" : "");
    if (field.dataset.offered !== undefined && value) offer(field, [value]);
    // A day is a time, too; seconds and a zone are more than the field takes.
    field.value = field.type === "datetime-local" ? minute(value) : value;
  }
  showTimes(form);
}

const minute = (time) => (/^\d{4}-\d\d-\d\d$/.test(time) ? `${time}T00:00` : time.slice(0, 16));

/** Shows the two times only where they count. */
export function showTimes(form) {
  document.getElementById("absolute").hidden = form.elements.range.value !== "absolute";
}

/** Fills a list with values; what is chosen stays, also where no document has it any more. */
export function offer(select, values) {
  const current = select.value;
  const wanted = [...new Set(current ? [current, ...values] : values)].sort((a, b) =>
    a.localeCompare(b, undefined, { numeric: true }),
  );
  const shown = [...select.options].slice(1).map((option) => option.value);
  if (JSON.stringify(shown) === JSON.stringify(wanted)) return;
  const all = select.options[0];
  select.replaceChildren(all, ...wanted.map((value) => new Option(value, value)));
  select.value = current;
}

/** Links to other dashboards take along the time, and what the other one can be narrowed by. */
export function carry(query) {
  for (const link of document.querySelectorAll("a[data-fields]")) {
    const fields = link.dataset.fields.split(" ");
    const taken = [...query].filter(([name]) => TIME.includes(name) || fields.includes(name));
    const text = new URLSearchParams(taken).toString();
    link.href = link.pathname + (text ? `?${text}` : "");
  }
}
