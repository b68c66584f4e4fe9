// Coverage: a calendar of instrument and stream by day; a day says its gaps, why, and what helps. Only cells in sight are elements.
import { ageText, ask, begin, el, failure, params, remember, replace, shownOnce, zoneText } from "./shell.js";
import { gapsTable } from "./gaps.js";

const ROW = 26, CELL = 18, NAME = 190, AHEAD = 4, DAY_MS = 86400000;
const page = document.getElementById("page");
const day = (text) => Date.parse(`${text}T00:00:00Z`);
const dayText = (ms) => new Date(ms).toISOString().slice(0, 10);

const from = el("input", { type: "date", id: "from" }), until = el("input", { type: "date", id: "until" });
const filter = el("input", { type: "search", id: "filter", placeholder: "instrument or stream", value: params.get("filter") || "" });
const summary = el("p", { class: "coverage", role: "status" }, "asking the lake…");
const canvas = el("div", { class: "calendar", role: "grid", "aria-label": "Coverage by instrument and day" });
const body = el("div", { class: "days" });
const detail = el("section", { "aria-live": "polite" });
canvas.append(body);

let found = { days: null, rows: [] }, rows = [], first = 0, count = 0, at = [0, 0];
const made = new Map();

const share = (letter) => (letter === " " ? null : (letter.toUpperCase().charCodeAt(0) - 65) / 10);
const tone = (letter) => { const value = share(letter); return value === null ? "none" : `s${Math.round(value * 10)}`; };
function words(row, place) {
  const letter = row.shares[place], value = share(letter);
  const how = value === null ? "nothing expected" : value >= 1 ? "all covered" : `at least ${Math.round(value * 100)} % covered`;
  return `${row.symbol} ${row.stream} ${dayText(first + place * DAY_MS)}: ${how}${letter !== letter.toUpperCase() ? ", some of it restored from history" : ""}`;
}

async function load() {
  replace(detail);
  try {
    found = await ask("/api/coverage", { start: params.get("from"), end: params.get("until"), symbols: params.get("symbols") });
  } catch (error) { replace(page, tools, failure(error)); return; }
  if (found.days) { first = day(found.days[0]); count = (day(found.days[1]) - first) / DAY_MS + 1; }
  draw();
  canvas.scrollLeft = canvas.scrollWidth;
  if (params.get("symbol")) open(params.get("symbol"), params.get("day"));
  shownOnce();
}

function draw() {
  const text = filter.value.trim().toLowerCase();
  rows = found.rows.filter((row) => !text || `${row.symbol} ${row.stream}`.toLowerCase().includes(text));
  const expected = rows.reduce((sum, row) => sum + row.expected_s, 0), missing = rows.reduce((sum, row) => sum + row.missing_s, 0);
  summary.className = `coverage ${missing ? "missing" : "whole"}`;
  summary.textContent = found.days ? `${rows.length} streams from ${found.days[0]} to ${found.days[1]}: ${expected ? (100 * (1 - missing / expected)).toFixed(3) : "0"} % of their trading time is covered, ${ageText(missing)} of it missing`
    : "nothing was wanted in this time";
  canvas.setAttribute("aria-rowcount", rows.length + 1); canvas.setAttribute("aria-colcount", count + 1);
  body.style.height = `${(rows.length + 1) * ROW}px`; body.style.width = `${NAME + count * CELL}px`;
  at = [Math.min(at[0], Math.max(rows.length - 1, 0)), Math.min(at[1] || count - 1, Math.max(count - 1, 0))];
  for (const one of made.values()) one.remove();
  made.clear();
  paint();
}

function put(key, make) { if (!made.has(key)) { const one = make(); made.set(key, one); body.append(one); } return key; }

function paint() {
  const left = canvas.scrollLeft, top = canvas.scrollTop;
  const columns = [Math.max(Math.floor((left - NAME) / CELL) - AHEAD, 0), Math.min(Math.ceil((left + canvas.clientWidth - NAME) / CELL) + AHEAD, count)];
  const lines = [Math.max(Math.floor(top / ROW) - AHEAD, 0), Math.min(Math.ceil((top + canvas.clientHeight) / ROW) + AHEAD, rows.length)];
  const wanted = new Set([put("head", head)]);
  const header = made.get("head");
  header.style.top = `${top}px`;
  const months = [];
  for (let place = columns[0]; place < columns[1]; place += 1) {
    const text = dayText(first + place * DAY_MS);
    if (text.endsWith("-01") || place === columns[0] || (count < 40 && new Date(first + place * DAY_MS).getUTCDay() === 1)) {
      months.push(el("span", { role: "columnheader", "aria-colindex": place + 2, style: { left: `${NAME + place * CELL}px` } }, text.endsWith("-01") || place === columns[0] ? text.slice(0, 7) : text.slice(8)));
    }
  }
  header.replaceChildren(el("span", { role: "columnheader", class: "visually-hidden" }, "instrument"), ...months);
  for (let line = lines[0]; line < lines[1]; line += 1) {
    const key = `r${line}`;
    put(key, () => rowOf(line));
    wanted.add(key);
    const row = made.get(key);
    row.firstChild.style.left = `${left}px`;
    const shown = row.shown || (row.shown = new Map());
    for (const [place, cell] of shown) if (place < columns[0] || place >= columns[1]) { cell.remove(); shown.delete(place); }
    const fresh = [];
    for (let place = columns[0]; place < columns[1]; place += 1) {
      if (!shown.has(place)) { const cell = cellOf(line, place); shown.set(place, cell); fresh.push(cell); }
    }
    row.append(...fresh);
  }
  for (const [key, one] of made) if (!wanted.has(key)) { one.remove(); made.delete(key); }
}

const head = () => el("div", { class: "months", role: "row", "aria-rowindex": 1 });
function rowOf(line) {
  const row = rows[line];
  return el("div", { class: "line", role: "row", "aria-rowindex": line + 2, style: { top: `${(line + 1) * ROW}px` } },
    el("a", { role: "rowheader", class: "of", tabindex: -1, href: `/instrument?symbol=${encodeURIComponent(row.symbol)}` }, `${row.symbol} `, el("span", { class: "muted" }, row.stream)));
}
function cellOf(line, place) {
  const row = rows[line], here = line === at[0] && place === at[1];
  return el("div", { role: "gridcell", "aria-colindex": place + 2, tabindex: here ? 0 : -1, "data-at": `${line},${place}`,
    class: `cell ${tone(row.shares[place])}${row.shares[place] !== row.shares[place].toUpperCase() ? " restored" : ""}`,
    style: { left: `${NAME + place * CELL}px` }, "aria-label": words(row, place), title: words(row, place) });
}

function move(line, place, focus = true) {
  const before = body.querySelector('[tabindex="0"]');
  if (before) before.tabIndex = -1;
  at = [line, place];
  const x = NAME + place * CELL, y = line * ROW;
  if (y < canvas.scrollTop) canvas.scrollTop = y;
  else if (y + 2 * ROW > canvas.scrollTop + canvas.clientHeight) canvas.scrollTop = y + 2 * ROW - canvas.clientHeight;
  if (x - NAME < canvas.scrollLeft) canvas.scrollLeft = x - NAME;
  else if (x + CELL > canvas.scrollLeft + canvas.clientWidth) canvas.scrollLeft = x + CELL - canvas.clientWidth;
  paint();
  const cell = body.querySelector(`[data-at="${line},${place}"]`);
  if (cell) { cell.tabIndex = 0; if (focus) cell.focus({ preventScroll: true }); }
}

canvas.addEventListener("keydown", (event) => {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], PageDown: [15, 0], PageUp: [-15, 0], Home: [0, -count], End: [0, count] }[event.key];
  if (step) {
    event.preventDefault();
    move(Math.min(Math.max(at[0] + step[0], 0), rows.length - 1), Math.min(Math.max(at[1] + step[1], 0), count - 1));
  } else if (event.key === "Enter" && event.target.dataset.at) choose();
});
canvas.addEventListener("click", (event) => {
  if (!event.target.dataset.at) return;
  move(...event.target.dataset.at.split(",").map(Number));
  choose();
});
let drawing = false;
canvas.addEventListener("scroll", () => { if (!drawing) { drawing = true; requestAnimationFrame(() => { drawing = false; paint(); }); } });
new ResizeObserver(() => paint()).observe(canvas);

function choose() {
  const row = rows[at[0]];
  remember({ symbol: row.symbol, day: dayText(first + at[1] * DAY_MS) }, true);
  open(params.get("symbol"), params.get("day"));
}

async function open(symbol, text) {
  replace(detail, el("h2", {}, `${symbol} on ${text}`), el("p", {}, "asking the lake…"));
  try {
    const one = await ask("/api/day", { symbol, day: text });
    replace(detail, el("h2", {}, `${symbol} on ${text}`), ...one.streams.map(streamLine),
      el("h3", {}, `Gaps from the day before to the day after, ${zoneText(one.streams[0]?.zone)}`), one.gaps.length ? gapsTable(one.gaps, one.streams[0]?.zone) : el("p", {}, "none"),
      one.gaps.length ? el("p", {}, "What helps: ", el("code", {}, `ticktape backfill ${symbol} --from ${text} --until ${dayText(day(text) + DAY_MS)}`)) : null,
      el("p", {}, el("a", { href: `/instrument?symbol=${encodeURIComponent(symbol)}&start=${text}T00:00:00Z&end=${dayText(day(text) + DAY_MS)}T00:00:00Z` }, "see its prices")));
  } catch (error) { replace(detail, failure(error)); }
}

const streamLine = (row) => el("p", { class: `coverage ${row.down_s + row.unknown_s ? "missing" : "whole"}` },
  `${row.stream}: ${row.share === null ? "" : `${(row.share * 100).toFixed(2)} % of ${ageText(row.expected_s)} covered; `}rows in ${ageText(row.captured_s)}, quiet ${ageText(row.quiet_s)}, restored ${ageText(row.backfilled_s)}, missing ${ageText(row.down_s)}, unknown ${ageText(row.unknown_s)}${row.reasons.length ? `; ${row.reasons.join("; ")}` : ""}`);

const tools = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); remember({ from: from.value, until: until.value, symbol: null, day: null }, true); load(); } },
  el("label", { for: "from" }, "From"), from, el("label", { for: "until" }, "until"), until, el("button", {}, "Show"),
  el("label", { for: "filter" }, "Filter"), filter);
const legend = el("p", { class: "legend" }, "Share of a day's trading time: ", ...[["s0", "none"], ["s3", ""], ["s5", "half"], ["s8", ""], ["s10", "all"]].map(([name, text]) => el("span", {}, el("i", { class: `cell ${name}` }), ` ${text} `)), el("span", {}, el("i", { class: "cell s10 restored" }), " some restored from history "), "· blank: not expected");
from.value = (params.get("from") || "").slice(0, 10); until.value = (params.get("until") || "").slice(0, 10);
filter.addEventListener("input", () => { remember({ filter: filter.value }); draw(); });
addEventListener("popstate", () => location.reload());
replace(page, tools, summary, legend, canvas, detail);
begin(() => { if (params.get("symbol")) open(params.get("symbol"), params.get("day")); });
load();
