// Charts by uPlot: times in UTC or of the exchange, gaps shaded behind everything.
import { timeText, zoneOf } from "./shell.js";

const css = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

// Resolve a colour that depends on light or dark: a canvas takes no light-dark().
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = css(name);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Join spans that touch: what is missing of several streams at once is no darker.
export function joined(spans) {
  const found = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = found[found.length - 1];
    if (last && last.tone === span.tone && span.from <= last.to) last.to = Math.max(last.to, span.to); else found.push({ ...span });
  }
  return found;
}

// spans: {from, to (seconds), tone: "--gap" or "--restored"}
export function shade(spans) {
  return {
    hooks: {
      drawClear: [(plot) => {
        const { left, top, width, height } = plot.bbox;
        plot.ctx.save();
        plot.ctx.beginPath(); plot.ctx.rect(left, top, width, height); plot.ctx.clip();
        for (const span of spans()) {
          const from = plot.valToPos(Math.max(span.from, plot.scales.x.min), "x", true);
          const to = plot.valToPos(Math.min(span.to, plot.scales.x.max), "x", true);
          if (to <= from) continue;
          plot.ctx.fillStyle = colour(span.tone);
          plot.ctx.fillRect(from, top, Math.max(to - from, 1), height);
        }
        plot.ctx.restore();
      }],
    },
  };
}

export function lines(place, { data, series, height, spans = () => [], zone = null, onSelect, time = true, sync }) {
  const ink = colour("--muted"), rule = colour("--rule");
  const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
  const plot = new uPlot({
    width: Math.max(place.clientWidth, 300), height,
    scales: { x: { time } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zoneOf(zone)),
    axes: [{ ...axis, ...(time ? { values: "{HH}:{mm}:{ss}", space: 90 } : {}) }, { ...axis, size: 64 }],
    series: [{ label: "time", value: (_, at) => (at === null || at === undefined ? "" : time ? timeText(at, zone) : String(at)) }, ...series.map((one) => ({ points: { show: false }, ...one,
      stroke: colour(one.stroke), fill: one.fill ? colour(one.fill) : undefined }))],
    cursor: { drag: { x: true, y: false }, ...(sync ? { sync: { key: sync } } : {}) },
    plugins: [shade(spans)],
    hooks: { setSelect: [(made) => {
      if (!onSelect || made.select.width < 4) return;
      onSelect(made.posToVal(made.select.left, "x"), made.posToVal(made.select.left + made.select.width, "x"));
    }] },
  }, data, place);
  if (time) plot.axes[0].values = (made, splits, at, space, step) => splits.map((one) => (step >= 86400 ? timeText(one, zone).slice(0, 10) : timeText(one, zone).slice(11, step < 60 ? 19 : 16)));
  new ResizeObserver(() => plot.setSize({ width: Math.max(place.clientWidth, 300), height })).observe(place);
  return plot;
}

export const bars = () => uPlot.paths.bars({ size: [0.9, 40] });
