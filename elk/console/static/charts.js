// Plotly's pictures in the colours of the page.

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const SYMBOLS = ["circle", "square", "diamond", "cross", "x", "triangle-up"];
const PATTERNS = ["", "/", "x", "\\", ".", "-", "+", "|"];
// Cividis: read alike by eyes that tell red and green apart and by those that do not.
const SCALE = "Cividis";

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const palette = () => Array.from({ length: 8 }, (_, place) => colour(`--series-${place + 1}`));

function coloured({ place: fixed, hollow, ...trace }, turn, colours) {
  const place = fixed ?? turn;
  const own = colours[place % colours.length];
  if (trace.type === "heatmap") {
    const bar = { thickness: 10, outlinewidth: 0, tickfont: { color: colour("--soft") } };
    const title = { ...trace.colorbar?.title, font: { color: colour("--soft"), size: 11 } };
    return { ...trace, colorscale: SCALE, xgap: 1, ygap: 1, colorbar: { ...bar, title } };
  }
  if (trace.type === "bar") {
    const shape = trace.marker?.pattern?.shape ?? PATTERNS[place % PATTERNS.length];
    const pattern = { shape, size: 6, solidity: 0.15, bgcolor: own, fgcolor: colour("--card") };
    return { ...trace, marker: { color: own, pattern, line: { width: 0 } } };
  }
  const symbol = SYMBOLS[place % SYMBOLS.length];
  const dash = trace.stackgroup ? "solid" : DASHES[place % DASHES.length];
  return {
    ...trace,
    line: { color: own, width: 2, dash },
    marker: {
      color: own, size: 5,
      symbol: hollow?.some(Boolean) ? hollow.map((one) => (one ? `${symbol}-open` : symbol)) : symbol,
    },
  };
}

let marks = [];

/** Remembers what is marked on all charts along event time; gives whether that is new. */
export function mark(found) {
  const isNew = JSON.stringify(found) !== JSON.stringify(marks);
  marks = found;
  return isNew;
}

/** Text that Plotly, which knows some tags, shows as it is. */
const safe = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** Dotted lines with short names; the whole is told where somebody points at the name. */
function marked() {
  const shapes = marks.map((one) => ({
    type: "line", xref: "x", x0: one.at, x1: one.at, yref: "paper", y0: 0, y1: 1,
    line: { color: colour("--soft"), width: 1, dash: "dot" },
  }));
  const annotations = marks.map((one) => ({
    xref: "x", x: one.at, yref: "paper", y: 1, xanchor: "left", yanchor: "top", showarrow: false,
    text: safe(one.label), hovertext: safe(one.text), font: { size: 10, color: colour("--soft") },
    bgcolor: colour("--card"), borderpad: 1, opacity: 0.85,
  }));
  return { shapes, annotations };
}

/** Draws a picture into an element, or redraws it in place. */
export function draw(element, chart) {
  if (!window.Plotly) return;
  const axis = {
    automargin: true,
    gridcolor: colour("--line"),
    linecolor: colour("--line"),
    zerolinecolor: colour("--line"),
    tickfont: { size: 11 },
  };
  const title = (one) => ({ ...one?.title, font: { size: 11, color: colour("--soft") } });
  const { xaxis, yaxis, ...rest } = chart.layout;
  const layout = {
    ...rest,
    ...(rest.meta?.marked ? marked() : {}),
    margin: { l: 8, r: 8, t: 8, b: 8 },
    font: { family: "system-ui, sans-serif", size: 12, color: colour("--text") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: colour("--card"), font: { color: colour("--text") }, namelength: 40 },
    legend: {
      orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 },
      ...rest.legend, title: { side: "left", font: { size: 11 }, ...rest.legend?.title },
    },
    showlegend: chart.data.length > 1,
    xaxis: { ...axis, ...xaxis, title: title(xaxis), showgrid: false },
    yaxis: { ...axis, ...yaxis, title: title(yaxis) },
    bargap: 0.15,
  };
  const colours = palette();
  const data = chart.data.map((trace, place) => coloured(trace, place, colours));
  window.Plotly.react(element, data, layout, {
    displayModeBar: false,
    responsive: true,
    scrollZoom: false,
  });
}
