// SQL: a question, its answer as a grid and as a chart, what its range covers; schema, recipes, saved, history. The
// question stands behind the # of the address: it can be shared, and is never sent but to be answered.
import { ageText, ask, begin, count, date, el, failure, replace, shownOnce, start, timeText } from "./shell.js";
import { Grid } from "./grid.js";
import { lines } from "./chart.js";

const page = document.getElementById("page");
const MOST_HISTORY = 100;
const read = (name) => { try { return JSON.parse(localStorage.getItem(name)) || []; } catch { return []; } };
const write = (name, value) => { try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* no room, or not allowed: the page works without */ } };

const text = el("textarea", { id: "sql", spellcheck: "false", "aria-describedby": "how" });
const rows = el("select", { id: "rows" }, ...[100, 1000, 10000].map((many) => el("option", { value: many, selected: many === 1000 }, `${count(many)} rows`)));
const run = el("button", { class: "first", onclick: () => answer() }, "Run");
const cancel = el("button", { onclick: () => asked && asked.abort(), disabled: true }, "Cancel");
const save = el("button", { onclick: () => keep() }, "Save");
const name = el("input", { id: "name", placeholder: "name", size: 14 });
const csv = el("button", { onclick: () => download("csv") }, "CSV"), parquet = el("button", { onclick: () => download("parquet") }, "Parquet");
const told = el("p", { role: "status", class: "muted" }), beside = el("p", { class: "coverage" }), result = el("div"), saved = el("ul"), history_ = el("ul");
beside.hidden = true;

let asked = null, found = null, view = "grid";
const hash = () => new URLSearchParams(location.hash.slice(1));

function address(push) {
  const values = new URLSearchParams({ q: text.value, ...(view === "chart" ? { view } : {}) });
  const to = `${location.pathname}${location.search}#${values}`;
  if (push && location.hash.slice(1) !== values.toString()) history.pushState(null, "", to); else history.replaceState(null, "", to);
}

async function post(path, values, signal) {
  const said = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(values), signal });
  if (!said.ok) throw new Error(await said.text());
  return said.json();
}

async function answer() {
  if (asked || start.off || !text.value.trim()) return;
  address(true);
  asked = new AbortController();
  run.disabled = true; cancel.disabled = false; beside.hidden = true;
  told.textContent = "asking…";
  const began = performance.now();
  try {
    found = await post("/api/sql", { sql: text.value, rows: Number(rows.value) }, asked.signal);
    if (found.error) throw new Error(found.error);
    told.textContent = `${count(found.rows.length)} rows${found.more ? ", the first of more" : ""}, ${((performance.now() - began) / 1000).toFixed(2)} s`;
    remembered();
    draw();
    cover();
  } catch (error) {
    found = null;
    told.textContent = error.name === "AbortError" ? "cancelled" : "";
    replace(result, error.name === "AbortError" ? null : failure(error));
  } finally { asked = null; run.disabled = false; cancel.disabled = true; }
}

const isTime = (type) => type.startsWith("timestamp") || type.startsWith("date");
const isNumber = (type) => /^(u?int|float|double|decimal|half)/.test(type);

function draw() {
  for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab.id === `tab-${view}`));
  if (!found) return;
  if (view === "chart") drawChart(); else drawGrid();
}

function drawGrid() {
  const width = (place) => `${Math.min(Math.max(found.columns[place].name.length, ...found.rows.slice(0, 50).map((row) => shown(row[place], place).length)) * 8 + 24, 420)}px`;
  const grid = new Grid({ label: "Answer", height: "55vh", key: (row) => row, columns: found.columns.map((one, place) => ({
    title: one.name, width: width(place), right: isNumber(one.type), text: (row) => shown(row[place], place) })) });
  replace(result, grid.place);
  grid.show(found.rows);
}

function shown(value, place) {
  if (value === null) return "";
  if (found.columns[place].type.startsWith("timestamp")) { const fraction = /\.(\d+)/.exec(value); return timeText(value) + (fraction ? `.${fraction[1].slice(0, 3)}` : ""); }
  return String(value);
}

function drawChart() {
  const x = found.columns.findIndex((one) => isTime(one.type)), along = x >= 0 ? x : found.columns.findIndex((one) => isNumber(one.type));
  const group = found.columns.findIndex((one) => one.name === "symbol");
  const y = found.columns.map((one, place) => place).filter((place) => place !== along && isNumber(found.columns[place].type) && !["seq", "row", "instrument_id", "request_id"].includes(found.columns[place].name)).slice(0, 4);
  if (along < 0 || !y.length) { replace(result, el("p", {}, "a chart needs a column of times or numbers, and another of numbers")); return; }
  const at = (row) => (isTime(found.columns[along].type) ? date(row[along]).getTime() / 1000 : row[along]);
  const groups = group >= 0 ? [...new Set(found.rows.map((row) => row[group]))].slice(0, 8) : [null];
  const times = [...new Set(found.rows.filter((row) => row[along] !== null).map(at))].sort((a, b) => a - b);
  const tones = ["--link", "--alarm", "--well", "--warning", "--muted", "--accent"];
  const data = [times], series = [];
  for (const one of groups) for (const place of y) {
    const known = new Map(found.rows.filter((row) => one === null || row[group] === one).map((row) => [at(row), row[place]]));
    data.push(times.map((time) => (known.has(time) ? known.get(time) : null)));
    series.push({ label: [one, found.columns[place].name].filter(Boolean).join(" "), stroke: tones[series.length % tones.length], spanGaps: true, points: { show: times.length < 60 } });
  }
  const place = el("div", { class: "chart" });
  replace(result, place, el("p", { class: "muted" }, `of the ${count(found.rows.length)} rows of the grid`));
  lines(place, { data, series, height: 340, time: isTime(found.columns[along].type), spans: () => gaps });
}

let gaps = [];
async function cover() { // what the range of the answer covers, beside it
  const words = new Set(text.value.toLowerCase().match(/\w+/g));
  const tables = start.tables.filter((one) => one.subject === "market").map((one) => one.name).filter((one) => words.has(one) || (one === "trades" && /_bars|vwap|twap|trades_once/.test(text.value)) || (one === "quotes" && /quote/.test(text.value)));
  gaps = [];
  if (!tables.length) return;
  const at = found.columns.findIndex((one) => one.type.startsWith("timestamp")), symbol = found.columns.findIndex((one) => one.name === "symbol");
  const times = at < 0 ? [] : found.rows.map((row) => row[at]).filter(Boolean).sort();
  const symbols = symbol < 0 ? [] : [...new Set(found.rows.map((row) => row[symbol]).filter(Boolean))];
  beside.hidden = false; beside.className = "coverage"; beside.textContent = "asking what this range covers…";
  try {
    const one = await ask("/api/missing", { tables: tables.join(","), start: times[0], end: times.length > 1 ? times[times.length - 1] : null, symbols: symbols.length <= 50 ? symbols.join(",") : "" });
    beside.className = `coverage ${one.gaps ? "missing" : "whole"}`;
    const range = times.length ? `from ${timeText(times[0])} to ${timeText(times[times.length - 1])}` : one.recorded.map((row) => `${row.table} from ${row.first} to ${row.last}`).join(", ");
    beside.textContent = `${tables.join(", ")} ${range}${symbols.length && symbols.length <= 50 ? ` of ${symbols.length} instruments` : ""}: ${one.gaps ? `${count(one.gaps)} gaps, ${ageText(one.lost_s)} of streams not recorded and not restored (${one.instruments.join(", ")})` : "no gap"}${one.restored ? `, ${count(one.restored)} restored from history` : ""}. Rows that are only on the tape yet, of the last half minute, are not in it.`;
  } catch (error) { beside.textContent = `what this covers is not known: ${error.message}`; }
}

async function download(form) {
  try {
    const { address: to } = await post("/api/sql/download", { sql: text.value, form });
    const link = el("a", { href: to, download: `answer.${form}` });
    link.click();
    told.textContent = `downloading answer.${form}`;
  } catch (error) { replace(result, failure(error)); }
}

function keep() {
  if (!name.value.trim() || !text.value.trim()) { name.focus(); return; }
  write("ticktape-saved", [{ name: name.value.trim(), sql: text.value }, ...read("ticktape-saved").filter((one) => one.name !== name.value.trim())]);
  lists();
}

function remembered() {
  write("ticktape-history", [text.value, ...read("ticktape-history").filter((one) => one !== text.value)].slice(0, MOST_HISTORY));
  lists();
}

const put = (sql) => { text.value = sql; address(true); text.focus(); };
const item = (label, sql, more) => el("li", {}, el("button", { onclick: () => put(sql), title: sql }, label), more);
function lists() {
  replace(saved, ...read("ticktape-saved").map((one) => item(one.name, one.sql, el("button", { "aria-label": `forget ${one.name}`, onclick: () => { write("ticktape-saved", read("ticktape-saved").filter((other) => other.name !== one.name)); lists(); } }, "×"))));
  replace(history_, ...read("ticktape-history").slice(0, 20).map((sql) => item(sql.replace(/\s+/g, " ").slice(0, 60), sql)));
}

function insert(word) {
  const at = text.selectionStart;
  text.setRangeText(word, at, text.selectionEnd, "end");
  text.focus();
}

const tree = el("details", { open: true }, el("summary", {}, "Tables"), ...start.tables.map((one) => el("details", {}, el("summary", { title: one.meaning }, one.name),
  el("ul", {}, ...one.columns.map((column) => el("li", {}, el("button", { title: `${column.meaning}${column.null ? `; null: ${column.null}` : ""}`, onclick: () => insert(column.name) }, column.name), " ", el("span", { class: "muted" }, [column.type.replace(/timestamp.*/, "time"), column.unit].filter(Boolean).join(", "))))))));
const functions = el("details", {}, el("summary", {}, "Functions"), el("ul", {}, ...start.functions.map((one) => item(one.name, one.example))));
const recipes = el("details", { open: true }, el("summary", {}, "Cookbook"), el("ul", {}, ...start.recipes.map((one) => item(one.title, one.sql))));
const tabs = el("div", { role: "tablist", "aria-label": "Answer as" }, ...["grid", "chart"].map((one) => el("button", { role: "tab", id: `tab-${one}`, "aria-controls": "answer", onclick: () => { view = one; address(false); draw(); } }, one === "grid" ? "Grid" : "Chart")));
const panel = el("div", { id: "answer", role: "tabpanel", "aria-labelledby": "tab-grid" }, result);

text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); answer(); } });
replace(page, el("div", { class: "sql" },
  el("aside", { "aria-label": "Tables, functions and queries" }, tree, functions, recipes, el("details", { open: true }, el("summary", {}, "Saved, in this browser"), saved), el("details", {}, el("summary", {}, "History, in this browser"), history_)),
  el("section", { "aria-label": "Workbench" }, el("label", { for: "sql" }, "Question"), text, el("p", { id: "how", class: "muted" }, "One query; Ctrl+Enter runs it. Times without a zone are UTC in functions."),
    el("div", { class: "tools" }, run, cancel, el("label", { for: "rows", class: "visually-hidden" }, "Most rows"), rows, el("span", {}, "Download all: "), csv, parquet, el("label", { for: "name", class: "visually-hidden" }, "Name to save it by"), name, save),
    told, beside, tabs, panel)));

function fromAddress() {
  const values = hash();
  view = values.get("view") === "chart" ? "chart" : "grid";
  if (values.get("q")) { text.value = values.get("q"); answer(); } else if (!text.value) text.value = start.recipes[0].sql;
  draw();
}
addEventListener("popstate", fromAddress);
begin(() => draw());
if (start.off) { // the kernel cannot confine questions here
  replace(result, el("p", { class: "error", role: "alert" }, start.off));
  for (const one of [run, csv, parquet]) one.disabled = true;
}
lists(); fromAddress(); shownOnce();
