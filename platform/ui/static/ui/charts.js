// Draws each figure.chart from the table in it, with uPlot. The table stays, for whoever reads instead of looks, and is all there is where
// uPlot could not be fetched. Owns nothing but the drawing: numbers, colours and words come from the page.

const UNITS = {
  count: (v) => (v >= 1e6 ? `${+(v / 1e6).toPrecision(3)}M` : v >= 1e3 ? `${+(v / 1e3).toPrecision(3)}k` : `${+v.toPrecision(3)}`),
  micros: (v) => (v >= 1e6 ? `${+(v / 1e6).toPrecision(3)} s` : v >= 1e3 ? `${+(v / 1e3).toPrecision(3)} ms` : `${Math.round(v)} µs`),
  share: (v) => `${+(v * 100).toPrecision(3)} %`,
  bytes: (v) => (v >= 2 ** 30 ? `${+(v / 2 ** 30).toPrecision(3)} GiB` : v >= 2 ** 20 ? `${+(v / 2 ** 20).toPrecision(3)} MiB` : v >= 1024 ? `${+(v / 1024).toPrecision(3)} KiB` : `${v} B`),
};
const HEIGHT = 168;
const figures = [...document.querySelectorAll("figure.chart[data-uplot]:not([data-empty])")];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const two = (number) => String(number).padStart(2, "0");

// What the table says: times, and the values of each series.
function read(figure) {
  const heads = [...figure.querySelectorAll("thead th")].slice(1);
  const rows = [...figure.querySelectorAll("tbody tr")];
  const values = heads.map((_, column) => rows.map((row) => {
    const text = row.cells[column + 1].dataset.v;
    return text === "" ? null : Number(text);
  }));
  return { names: heads.map((th) => th.textContent), colours: heads.map((th) => th.dataset.colour), at: rows.map((row) => Number(row.dataset.at)), values };
}

// Layers are drawn from the top of the pile down, each over the one before.
function piled(values) {
  const sums = values.map((line) => [...line]);
  for (let layer = 1; layer < sums.length; layer++) {
    sums[layer] = sums[layer].map((value, index) => value + sums[layer - 1][index]);
  }
  return sums;
}

// A value with none beside it makes no line: it is a dot.
function lonely(line) {
  return line.flatMap((value, at) => (value !== null && (line[at - 1] ?? null) === null && (line[at + 1] ?? null) === null ? [at] : []));
}

function hatch(context, left, top, width, height) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.fillStyle = colour("surface");
  context.globalAlpha = 0.55;
  context.fillRect(left, top, width, height);
  context.globalAlpha = 0.6;
  context.strokeStyle = colour("line-strong");
  context.lineWidth = devicePixelRatio;
  for (let x = left - height; x < left + width; x += 6 * devicePixelRatio) {
    context.beginPath();
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
    context.stroke();
  }
  context.restore();
}

function marks(plot, found) {
  const { ctx: context, bbox } = plot;
  context.save();
  context.strokeStyle = context.fillStyle = colour("brick");
  context.lineWidth = devicePixelRatio;
  context.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  context.font = `600 ${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;
  let free = -Infinity;
  for (const { at, label } of found) {
    const x = Math.round(plot.valToPos(at, "x", true));
    context.beginPath();
    context.moveTo(x, bbox.top);
    context.lineTo(x, bbox.top + bbox.height);
    context.stroke();
    // A label that would stand on the one before is left out: the list in the page has it.
    if (x > free) {
      const width = context.measureText(label).width;
      const start = Math.min(x + 4 * devicePixelRatio, bbox.left + bbox.width - width);
      context.fillText(label, start, bbox.top + 11 * devicePixelRatio);
      free = start + width;
    }
  }
  context.restore();
}

function draw(uPlot, figure) {
  const { names, colours, at, values } = read(figure);
  const step = Number(figure.dataset.step);
  const say = UNITS[figure.dataset.unit];
  const stacked = figure.dataset.chart === "stack";
  const shown = stacked ? piled(values) : values;
  const order = names.map((_, index) => (stacked ? names.length - 1 - index : index));
  const found = [...figure.querySelectorAll(".chart-marks li")].map((li) => ({ at: Number(li.dataset.at), label: li.dataset.label }));
  const open = Number(figure.dataset.open) || null;
  const area = figure.querySelector(".chart-area");
  const stepped = uPlot.paths.stepped({ align: 1 });
  const fine = { stroke: colour("ink-3"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(document.body).fontFamily}` };
  const day = at.at(-1) - at[0] > 2 * 86400;
  const clock = (seconds) => {
    const when = new Date(seconds * 1000);
    const date = `${two(when.getUTCMonth() + 1)}-${two(when.getUTCDate())}`;
    const time = `${two(when.getUTCHours())}:${two(when.getUTCMinutes())}`;
    return day ? (step >= 86400 ? date : `${date} ${time}`) : time;
  };
  const options = {
    width: Math.max(area.clientWidth, 120),
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    cursor: { sync: { key: "hostel" }, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    scales: { x: { time: false, range: [at[0], at.at(-1) + step] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    axes: [
      { ...fine, space: day ? 84 : 52, incrs: [60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800], values: (_, ticks) => ticks.map(clock), size: 24 },
      { ...fine, size: 58, space: 34, values: (_, ticks) => ticks.map(say) },
    ],
    series: [
      { label: "UTC", value: (_, seconds) => (seconds == null ? "" : clock(seconds)) },
      ...order.map((index) => ({
        label: names[index],
        stroke: colour(colours[index]),
        fill: stacked ? colour(colours[index]) : undefined,
        width: stacked ? 0 : 1.75,
        paths: stacked ? stepped : undefined,
        points: { show: !stacked, size: 5, filter: (_, __, ___, gaps) => (gaps ? lonely(shown[index]) : null) },
        spanGaps: false,
        value: (_, __, ___, row) => (row == null || values[index][row] == null ? "–" : say(values[index][row])),
      })),
    ],
    hooks: {
      draw: [(plot) => {
        if (open !== null) {
          const left = plot.valToPos(open, "x", true);
          hatch(plot.ctx, left, plot.bbox.top, plot.bbox.left + plot.bbox.width - left, plot.bbox.height);
        }
        marks(plot, found);
      }],
    },
  };
  // The last bucket is as wide as the others.
  const data = [[...at, at.at(-1) + step], ...order.map((index) => [...shown[index], stacked ? shown[index].at(-1) : null])];
  const plot = new uPlot(options, data, area);
  area.classList.add("drawn");
  if (figure.dataset.more) {
    area.addEventListener("click", () => {
      const row = plot.cursor.idx;
      if (row != null && at[row] !== undefined) {
        location.href = figure.dataset.more.replace("{from}", at[row]).replace("{to}", at[row] + step);
      }
    });
  }
  return plot;
}

async function start() {
  if (!figures.length) return;
  const { default: uPlot } = await import(figures[0].dataset.uplot);
  let plots = new Map();
  const all = () => {
    for (const plot of plots.values()) plot.destroy();
    plots = new Map(figures.map((figure) => [figure, draw(uPlot, figure)]));
  };
  all();
  const widths = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      const plot = plots.get(target.closest("figure"));
      const width = Math.max(target.clientWidth, 120);
      if (plot && Math.abs(plot.width - width) > 1) plot.setSize({ width, height: HEIGHT });
    }
  });
  for (const figure of figures) widths.observe(figure.querySelector(".chart-area"));
  // Light and dark: colours are read anew.
  new MutationObserver(all).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
}

start().catch(() => {
  // The tables are there.
  for (const figure of figures) figure.dataset.failed = "";
});
