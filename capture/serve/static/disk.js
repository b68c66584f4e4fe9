// Disk: what is on it by table, recorder and day, when it is full, and how seal, prune and verify stand.
import { ask, begin, count, current, el, failure, replace, shownOnce, sizeText, timeText } from "./shell.js";
import { bars, lines } from "./chart.js";

const page = document.getElementById("page");
let found = null;

const table = (label, heads, rows) => el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, el("table", {},
  el("thead", {}, el("tr", {}, ...heads.map((name, place) => el("th", { scope: "col", class: place ? "right" : "" }, name)))),
  el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((text, place) => el(place ? "td" : "th", place ? { class: "right" } : { scope: "row" }, text)))))));
const fact = (name, text) => el("div", {}, el("dt", {}, name), el("dd", {}, text));

function draw() {
  const full = found.days_until_full === null ? "not known yet: no whole day is over" : `${new Date(Date.now() + found.days_until_full * 86400000).toISOString().slice(0, 10)}, in ${found.days_until_full.toFixed(0)} days`;
  const chart = el("div", { class: "chart" });
  const verified = current().lake?.verified;
  replace(page,
    el("dl", { class: "facts" }, fact("used", sizeText(found.total_bytes)), fact("free", sizeText(found.free_bytes)), fact("a day", found.bytes_per_day === null ? "not known yet" : sizeText(found.bytes_per_day)), fact("full on", full),
      fact("replaced, to be removed", sizeText(found.replaced_bytes)), fact("last verify", verified ? `${timeText(verified.finished)}: ${verified.findings} findings` : "see `ticktape verify`")),
    el("h2", {}, "Bytes by day"), chart,
    el("h2", {}, "Tables"), table("Tables", ["table", "rows", "live", "archive", "bytes a row", "bytes a day", "sealed up to", "pruned up to"], found.tables.map((one) => [one.table, count(one.rows), sizeText(one.live_bytes), sizeText(one.archive_bytes),
      one.bytes_per_row === null ? "" : one.bytes_per_row.toFixed(1), sizeText(one.bytes_per_day), found.sealed[one.table] > "1970-01-01" ? found.sealed[one.table] : "nothing yet", found.pruned[one.table] || ""])),
    el("h2", {}, "Tapes"), table("Tapes", ["recorder", "open", "compressed", "before compression", "ratio", "its rows in Parquet"], found.recorders.map((one) => [one.recorder, sizeText(one.open_bytes), sizeText(one.sealed_bytes), sizeText(one.raw_bytes), one.ratio === null ? "" : one.ratio.toFixed(1), sizeText(one.parquet_bytes)])));
  const days = found.days;
  if (days.length > 1) {
    lines(chart, { height: 200, data: [days.map((one) => Date.parse(`${one.date}T00:00:00Z`) / 1000), days.map((one) => (one.parquet_bytes + one.tape_bytes) / 2 ** 20), days.map((one) => one.tape_bytes / 2 ** 20)],
      series: [{ label: "all, MiB", stroke: "--link", fill: "--link", paths: bars(), width: 0 }, { label: "tape, MiB", stroke: "--muted", fill: "--muted", paths: bars(), width: 0 }] });
  } else replace(chart, el("p", { class: "muted" }, days.length ? `only ${days[0].date}: ${sizeText(days[0].parquet_bytes)} in Parquet, ${sizeText(days[0].tape_bytes)} of tape` : "nothing was recorded yet"));
}

async function load() {
  try { found = await ask("/api/disk"); draw(); } catch (error) { replace(page, failure(error)); }
  shownOnce();
}
replace(page, el("p", {}, "measuring…"));
begin(() => { if (found) draw(); });
load();
