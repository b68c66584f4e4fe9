// Now: one verdict, what is wrong and what helps, recorders with their farms and budgets, every stream.
import { ageText, begin, count, current, date, el, lineState, now, onLive, params, remember, replace, shownOnce, sizeText, timeText } from "./shell.js";
import { Grid } from "./grid.js";

const RANK = { alarm: 0, warning: 1, routine: 2 };
const STATES = { refused: 0, silent: 1, wanted: 2, requested: 3, acknowledged: 4, flowing: 5, stopped: 6 };
// Whose time it is: ours, IB's, or that of IB's limits.
const WAITS = { wanted: "waits in our queue: pacing", requested: "waits for IB", acknowledged: "IB agreed; no row yet" };

const page = document.getElementById("page");
const banner = el("p", { class: "banner" });
const troubles = el("ul", { class: "troubles" });
const more = el("p", { class: "muted" });
const recorders = el("div");
const filter = el("input", { type: "search", id: "filter", value: params.get("filter") || "", placeholder: "instrument, stream, state" });
const shown = el("span", { class: "muted", role: "status" });

let columns = [];
const value = (row, name) => row[columns.indexOf(name)];
const age = (row) => { const at = value(row, "last_row"); return at ? (now() - date(at)) / 1000 : null; };
const said = (row) => value(row, "cause") || (value(row, "message") || "").split("\n")[0] || WAITS[value(row, "state")] || "";
const lag = (row) => { const half = value(row, "lag_p50_s"), most = value(row, "lag_max_s"); return half === null || most === null ? "" : `${half.toFixed(1)} to ${most.toFixed(1)} s`; };

const COLUMNS = [
  { name: "instrument", title: "Instrument", width: "minmax(120px, 1.2fr)", cell: (row) => el("a", { href: `/instrument?symbol=${encodeURIComponent(value(row, "symbol") || value(row, "instrument"))}`, tabindex: -1 }, value(row, "symbol") || value(row, "instrument")) },
  { name: "word", title: "Stream", width: "100px", text: (row) => value(row, "word") },
  { name: "recorder", title: "Recorder", width: "100px", text: (row) => value(row, "recorder") },
  { name: "state", title: "State", width: "115px", text: (row) => value(row, "state") + (value(row, "delayed") ? ", delayed" : "") },
  { name: "rows", title: "Rows", width: "110px", right: true, text: (row) => count(value(row, "rows")) },
  { name: "rows_per_second", title: "Rows/s", width: "90px", right: true, text: (row) => (value(row, "rows_per_second") || 0).toFixed(1) },
  { name: "last_row", title: "Last row", width: "90px", right: true, text: (row) => ageText(age(row)) },
  { name: "lag_p50_s", title: "Lag", width: "120px", right: true, text: lag },
  { name: "market", title: "Market", width: "130px", text: (row) => [value(row, "venue"), value(row, "market")].filter(Boolean).join(" ") },
  { name: "message", title: "Why, and what helps", width: "minmax(220px, 3fr)", text: (row) => [said(row), value(row, "remedy")].filter(Boolean).join("; ") },
];

const grid = new Grid({
  label: "Streams", columns: COLUMNS, key: (row) => row.slice(0, 3).join("\t"), height: "60vh",
  tone: (row) => ({ alarm: "alarm", warning: "warning" })[value(row, "severity")] || "",
  open: (row) => { location.href = `/instrument?symbol=${encodeURIComponent(value(row, "symbol") || value(row, "instrument"))}`; },
  sort: params.get("sort") ? { name: params.get("sort"), down: params.get("down") === "1" } : null,
  onSort: ({ name, down }) => { remember({ sort: name, down: down ? "1" : null }); draw(); },
});

function ordered(rows) {
  const text = filter.value.trim().toLowerCase();
  const found = text ? rows.filter((row) => row.slice(0, 6).join(" ").toLowerCase().includes(text)) : [...rows];
  const by = grid.sorted;
  const trouble = (row) => RANK[value(row, "severity")] ?? 3;
  const first = (a, b) => trouble(a) - trouble(b) || STATES[value(a, "state")] - STATES[value(b, "state")]
    || String(value(a, "instrument")).localeCompare(value(b, "instrument")) || String(value(a, "word")).localeCompare(value(b, "word"));
  if (!by) return found.sort(first);
  const compare = (a, b) => {
    const x = value(a, by.name), y = value(b, by.name);
    if (x === null || y === null) return (x === null) - (y === null);
    return (typeof x === "number" ? x - y : String(x).localeCompare(String(y))) * (by.down ? -1 : 1);
  };
  return found.sort((a, b) => compare(a, b) || first(a, b));
}

const fact = (name, text) => (text === "" || text === null || text === undefined ? null : el("div", {}, el("dt", {}, name), el("dd", {}, text)));

function troubleItem(one) {
  const since = one.since ? ` since ${timeText(one.since)} (${ageText((now() - date(one.since)) / 1000)})` : "";
  return el("li", { class: one.severity },
    el("span", { class: "severity" }, one.severity), " ", el("strong", {}, one.name), el("span", {}, `: ${one.cause}${since}`),
    one.remedy ? el("div", {}, "What helps: ", one.remedy) : null);
}

function recorderCard(one) {
  const budget = one.history || {};
  const farms = Object.entries(one.farms || {}).map(([name, how]) => el("span", { class: how === "broken" ? "alarm" : "" }, `${name}: ${how}  `));
  return el("section", { class: "card" },
    el("h3", {}, one.recorder, " ", el("span", { class: one.running ? "well" : "alarm" }, one.condition)),
    one.stale ? el("p", { class: "warning" }, one.stale) : null,
    el("dl", { class: "facts" },
      fact("gateway", one.host && `${one.host}:${one.port}, client ${one.client_id}`), fact("process", one.pid && String(one.pid)),
      fact("streams", one.wanted !== null && `${one.wanted} wanted, ${one.acknowledged} acknowledged, ${one.flowing} flowing`),
      fact("frames", count(one.frames)), fact("tape", sizeText(one.tape_bytes)),
      fact("in files", one.behind_marks ? `${one.behind_marks} marks behind, ${ageText(one.behind_s)}` : "up to date"),
      fact("sessions", count(one.sessions)), fact("line since", one.line_since && timeText(one.line_since)),
      fact("history: IB's budget", budget.of && `${budget.requests} of ${budget.of} requests left in ${ageText(budget.within_s)}`),
      fact("history: waiting", budget.wanted === undefined ? "" : `${budget.wanted} jobs` + (budget.held_s ? `, held ${ageText(budget.held_s)} by pacing` : "")),
      fact("restart windows", (one.restart_windows || []).join(", "))),
    farms.length ? el("p", {}, el("span", { class: "muted" }, "farms: "), ...farms) : null);
}

function diskCard(lake) {
  const disk = lake.disk, archive = lake.archive;
  return el("section", { class: "card" }, el("h3", {}, el("a", { href: "/disk" }, "Disk and archive")),
    el("dl", { class: "facts" }, fact("used", sizeText(disk.used_bytes)), fact("free", sizeText(disk.free_bytes)),
      fact("full in", disk.days_until_full === null ? "not known yet" : `${disk.days_until_full.toFixed(0)} days`),
      fact("archive files", count(archive.files)), fact("damaged", count(archive.damaged.length)),
      fact("not sealed since", lake.unsealed_since), fact("last verify", lake.verified && timeText(lake.verified.finished))));
}

function draw() {
  const told = current();
  if (!told.streams) return;
  columns = told.streams.columns;
  const lost = lineState() !== "open";
  banner.className = `banner ${lost ? "stale" : told.verdict}`;
  banner.textContent = lost ? `as of ${timeText(told.at)}: ${told.verdict}: ${told.line}` : `${told.verdict}: ${told.line}`;
  replace(troubles, ...told.troubles.map(troubleItem));
  more.textContent = told.more_troubles ? `${told.more_troubles} more follow from these` : "";
  replace(recorders, ...told.recorders.map(recorderCard), diskCard(told.lake));
  drawStreams();
}

function drawStreams() {
  const all = [...current().streams.by.values()], rows = ordered(all);
  grid.show(rows);
  const states = {};
  for (const row of all) states[value(row, "state")] = (states[value(row, "state")] || 0) + 1;
  shown.textContent = `${count(rows.length)} of ${count(all.length)} · ${Object.entries(states).map(([name, n]) => `${count(n)} ${name}`).join(", ")}`;
}

filter.addEventListener("input", () => { remember({ filter: filter.value }); drawStreams(); });
replace(page, banner, troubles, more, el("h2", {}, "Streams, trouble first"),
  el("div", { class: "tools" }, el("label", { for: "filter" }, "Filter"), filter, shown), grid.place,
  el("h2", {}, "Recorders"), recorders);
begin(draw);
draw();
onLive(draw);
setInterval(() => { if (!document.hidden) grid.draw(true); }, 5000); // ages go on
shownOnce();
