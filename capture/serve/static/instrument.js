// Instrument: price between bid and ask, volume, gaps shaded; the book at a moment. Any moment has its address.
import { ageText, ask, begin, count, current, date, el, failure, onLive, params, remember, replace, shownOnce, timeText, zoneText } from "./shell.js";
import { bars, joined, lines } from "./chart.js";
import { gapsTable } from "./gaps.js";

const page = document.getElementById("page");
const symbol = el("input", { id: "symbol", list: "symbols", required: true, value: params.get("symbol") || "", autocomplete: "off" });
const names = el("datalist", { id: "symbols" });
const start = el("input", { type: "text", id: "start", size: 20, placeholder: "2026-11-20T14:30", value: params.get("start") || "" });
const end = el("input", { type: "text", id: "end", size: 20, placeholder: "until", value: params.get("end") || "" });
const follow = el("input", { type: "checkbox", id: "follow" });
const summary = el("p", { class: "coverage", role: "status" });
const price = el("div", { class: "chart" }), volume = el("div", { class: "chart" });
const moment = el("input", { type: "text", id: "at", size: 24, placeholder: "2026-11-20T14:31:05Z", value: params.get("at") || "" });
const bookPlace = el("div"), gapsPlace = el("div"), instruments = new Map();
follow.checked = params.get("follow") === "1";

let shown = null, plots = [], busy = false;
const seconds = (text) => date(text).getTime() / 1000;
const iso = (at) => new Date(at * 1000).toISOString().replace(/\.\d+Z/, "Z");
const zone = () => instruments.get(params.get("symbol"))?.time_zone || null;

async function load(quiet = false) {
  if (busy || !params.get("symbol")) return;
  busy = true;
  try {
    if (!quiet) summary.textContent = "asking the lake…";
    shown = await ask("/api/prices", { symbol: params.get("symbol"), start: follow.checked ? null : params.get("start"), end: follow.checked ? null : params.get("end") });
    draw();
  } catch (error) { replace(price, failure(error)); replace(volume); summary.textContent = ""; } finally { busy = false; }
  shownOnce();
}

function union() {
  const times = [...new Set([...shown.trades.ts, ...shown.quotes.ts])].sort((a, b) => a - b);
  const full = [];
  for (const at of times) { // a pause is no line: where nothing came for long, the line ends
    if (full.length && at - full[full.length - 1] > 3 * shown.width_s) full.push(full[full.length - 1] + shown.width_s);
    full.push(at);
  }
  const by = (part, name) => { const known = new Map(part.ts.map((at, place) => [at, part[name][place]])); return full.map((at) => (known.has(at) ? known.get(at) : null)); };
  return { full, by };
}

function spans() {
  const missing = shown.missing.map((one) => ({ from: seconds(one.from_ts), to: seconds(one.to_ts), tone: "--gap" }));
  const restored = shown.gaps.filter((one) => one.state === "restored" || one.rows_restored).map((one) => ({ from: seconds(one.from_ts), to: one.to_ts ? seconds(one.to_ts) : Infinity, tone: "--restored" }));
  return [...joined(missing), ...joined(restored)];
}

function draw() {
  for (const one of plots) one.destroy();
  replace(price); replace(volume);
  const { full, by } = union();
  const select = (from, to) => { remember({ start: iso(from), end: iso(to), follow: null }, true); follow.checked = false; start.value = params.get("start"); end.value = params.get("end"); load(); };
  const shared = { spans, zone: zone(), onSelect: select, sync: "time" };
  plots = [
    lines(price, { ...shared, height: 320, data: [full, by(shown.trades, "close"), by(shown.quotes, "bid_close"), by(shown.quotes, "ask_close")],
      series: [{ label: "price", stroke: "--link", width: 1.5 }, { label: "bid", stroke: "--well", width: 1 }, { label: "ask", stroke: "--alarm", width: 1 }] }),
    lines(volume, { ...shared, height: 130, data: [full, by(shown.trades, "volume")], series: [{ label: "volume", stroke: "--muted", fill: "--muted", paths: bars(), width: 0 }] }),
  ];
  for (const plot of plots) plot.setScale("x", { min: seconds(shown.start), max: seconds(shown.end) });
  const lost = {};
  for (const one of shown.missing) lost[one.missing] = (lost[one.missing] || 0) + one.gap_s;
  const length = seconds(shown.end) - seconds(shown.start);
  summary.className = `coverage ${Object.keys(lost).length ? "missing" : "whole"}`;
  summary.textContent = `${shown.symbol} from ${timeText(shown.start, zone())} to ${timeText(shown.end, zone())} ${zoneText(zone())}, bars of ${ageText(shown.width_s)}: ${count(shown.trades.trades.reduce((a, b) => a + b, 0))} trades, ${count(shown.quotes.quotes.reduce((a, b) => a + b, 0))} quotes. `
    + (Object.keys(lost).length ? `Not recorded and not restored: ${Object.entries(lost).map(([name, value]) => `${name} ${ageText(value)} (${(100 * value / length).toFixed(1)} %)`).join(", ")}: shaded red, prices there are not to be trusted.` : "Nothing is missing.");
  replace(gapsPlace, el("h2", {}, "Gaps"), shown.gaps.length ? gapsTable(shown.gaps, zone()) : el("p", {}, "none in this time"));
}

async function loadBook() {
  const at = params.get("at");
  if (!at || !params.get("symbol")) { replace(bookPlace, el("p", { class: "muted" }, "name a moment to see the book as it was then")); return; }
  try {
    const levels = await ask("/api/book", { symbol: params.get("symbol"), at });
    const books = Map.groupBy(levels, (one) => `${one.stream || "depth"} by ${one.recorder}`);
    replace(bookPlace, ...(books.size ? [...books].map(([name, one]) => bookTable(name, one)) : [el("p", {}, "no book was recorded of it")]));
  } catch (error) { replace(bookPlace, failure(error)); }
}

function bookTable(name, levels) {
  if (!levels[0].valid) return el("p", { class: "coverage missing" }, `${name}: not to be trusted at ${timeText(levels[0].ts, zone())}: ${levels[0].reason}`);
  const side = (which) => levels.filter((one) => one.side === which).sort((a, b) => a.position - b.position);
  const bids = side("bid"), asks = side("ask");
  const rows = Array.from({ length: Math.max(bids.length, asks.length) }, (_, place) => [bids[place], asks[place]]);
  return el("div", {}, el("p", { class: "coverage whole" }, `${name} at ${timeText(levels[0].ts, zone())}, last changed ${timeText(levels[0].updated_ts, zone())}`),
    el("table", { class: "book" }, el("thead", {}, el("tr", {}, ...["bid size", "bid", "ask", "ask size"].map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, ...rows.map(([bid, ask_]) => el("tr", {}, ...[count(bid?.size), bid?.price, ask_?.price, count(ask_?.size)].map((text) => el("td", { class: "right" }, text === undefined || text === null ? "" : String(text))))))));
}

const tools = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); remember({ symbol: symbol.value.trim(), start: start.value.trim(), end: end.value.trim() }, true); load(); loadBook(); } },
  el("label", { for: "symbol" }, "Instrument"), symbol, names, el("label", { for: "start" }, "From"), start, el("label", { for: "end" }, "until"), end,
  el("button", { class: "first" }, "Show"), el("label", {}, follow, " follow what comes"));
const bookTools = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); remember({ at: moment.value.trim() }, true); loadBook(); } },
  el("label", { for: "at" }, "Book at (UTC)"), moment, el("button", {}, "Show book"));
follow.addEventListener("change", () => { remember({ follow: follow.checked ? "1" : null }); load(); });
addEventListener("popstate", () => location.reload());
replace(page, tools, summary, price, volume, el("p", { class: "muted" }, "Drag over a chart to look closer. Times of the address and of these fields are UTC."), el("h2", {}, "Order book"), bookTools, bookPlace, gapsPlace);
begin(() => { if (shown) draw(); loadBook(); });

ask("/api/instruments").then((found) => {
  for (const one of found) instruments.set(one.symbol, one);
  replace(names, ...found.map((one) => el("option", { value: one.symbol })));
  if (!params.get("symbol") && found.length) { remember({ symbol: found[0].symbol }); symbol.value = found[0].symbol; }
  load(); loadBook();
}, (error) => { replace(price, failure(error)); shownOnce(); });
let told_s = 0;
onLive(() => { // rows come: ask again, not more often than every five seconds
  if (follow.checked && !document.hidden && Date.now() / 1000 - told_s > 5 && current()) { told_s = Date.now() / 1000; load(true); }
});
