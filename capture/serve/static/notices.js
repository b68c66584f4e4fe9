// Notices: what IB said and what recorders noted, in plain words, linked to the streams they are about; what alerts told.
import { ask, begin, count, el, failure, params, remember, replace, shownOnce, timeText, zoneText } from "./shell.js";
import { Grid } from "./grid.js";

const KINDS = ["", "terminal", "doubtful", "connection", "advisory", "status", "note"];
const page = document.getElementById("page");
const start = el("input", { type: "text", id: "start", size: 20, placeholder: "2026-11-20T14:30", value: params.get("start") || "" });
const end = el("input", { type: "text", id: "end", size: 20, placeholder: "until", value: params.get("end") || "" });
const kind = el("select", { id: "kind" }, ...KINDS.map((one) => el("option", { value: one, selected: one === (params.get("kind") || "") }, one || "all kinds")));
const text = el("input", { type: "search", id: "text", value: params.get("text") || "", placeholder: "words, symbol or code" });
const summary = el("p", { class: "coverage", role: "status" }, "asking the lake…");
const chosen = el("section", { "aria-live": "polite" });

const alertsSay = el("p", { class: "coverage", role: "status" }, "reading what was told…"), mutes = el("ul");
const chosenAlert = el("section", { "aria-live": "polite" });

const grid = new Grid({
  label: "Notices", key: (row) => `${row.ts} ${row.recorder} ${row.code} ${row.message}`, height: "45vh",
  tone: (row) => ({ terminal: "alarm", connection: "alarm", doubtful: "warning" })[row.kind] || "",
  open: (row) => replace(chosen, el("h2", {}, `${row.code === null ? row.kind : `${row.kind} ${row.code}`} at ${timeText(row.ts)}`), row.meaning ? el("p", {}, row.meaning) : null,
    el("p", { class: "code" }, row.message), row.symbol ? el("p", {}, el("a", { href: `/instrument?symbol=${encodeURIComponent(row.symbol)}` }, row.symbol), ` ${row.stream || ""} of ${row.recorder}`) : el("p", {}, `the line of ${row.recorder}`)),
  columns: [
    { title: "When", width: "170px", text: (row) => timeText(row.ts) },
    { title: "Kind", width: "100px", text: (row) => row.kind },
    { title: "Code", width: "80px", right: true, text: (row) => (row.code === null ? "" : String(row.code)) },
    { title: "Instrument", width: "140px", text: (row) => row.symbol || "" },
    { title: "Stream", width: "110px", text: (row) => row.stream || "" },
    { title: "In plain words", width: "minmax(200px, 1.5fr)", text: (row) => row.meaning || "" },
    { title: "As sent", width: "minmax(220px, 2fr)", text: (row) => row.message },
    { title: "Recorder", width: "100px", text: (row) => row.recorder },
  ],
});

// Who was told: an action with what it answered, or why it took nothing.
const toldBy = (row) => [...Object.entries(row.failed).map(([name, words]) => `FAILED ${name}: ${words}`), ...Object.entries(row.sent).map(([name, words]) => `${name}: ${words}`)];
const alerts = new Grid({
  label: "Alerts", key: (row) => `${row.at} ${row.alert} ${row.status} ${row.kind} ${row.name}`, height: "35vh",
  tone: (row) => (Object.keys(row.failed).length || (row.status === "firing" && row.severity === "alarm") ? "alarm" : row.status === "firing" ? "warning" : ""),
  open: (row) => replace(chosenAlert, el("h3", {}, `${row.status}: ${row.kind} ${row.name}, told at ${timeText(row.at)}`), row.meaning ? el("p", {}, row.meaning) : null,
    el("p", { class: "code" }, row.text), row.since ? el("p", {}, `since ${timeText(row.since)} ${zoneText()}`) : null,
    el("ul", {}, ...(toldBy(row).length ? toldBy(row) : ["no action had it yet"]).map((text) => el("li", {}, text)))),
  columns: [
    { title: "Told", width: "170px", text: (row) => timeText(row.at) },
    { title: "Status", width: "90px", text: (row) => row.status },
    { title: "Severity", width: "80px", text: (row) => row.severity || "" },
    { title: "Kind", width: "150px", text: (row) => row.kind },
    { title: "Of what", width: "minmax(160px, 1fr)", text: (row) => row.name },
    { title: "In words", width: "minmax(240px, 2fr)", text: (row) => row.text },
    { title: "Told by", width: "minmax(160px, 1fr)", text: (row) => toldBy(row).join("; ") },
    { title: "Alert", width: "100px", text: (row) => row.alert },
  ],
});

async function loadAlerts() {
  try {
    const found = await ask("/api/alerts", { start: params.get("start"), end: params.get("end"), text: params.get("text") });
    alerts.show(found.alerts);
    const untaken = found.alerts.filter((row) => Object.keys(row.failed).length).length;
    alertsSay.className = `coverage ${untaken ? "missing" : "whole"}`;
    alertsSay.textContent = `${found.alerts.length ? `${count(found.alerts.length)} told${found.more ? ", the newest of more" : ""}` : "Nothing was told"} from ${timeText(found.start)} to ${timeText(found.end)} ${zoneText()}. ${untaken ? `${count(untaken)} were not taken by every action.` : ""}`;
    replace(mutes, ...found.mutes.map((one) => el("li", {}, `muted until ${timeText(one.until)} ${zoneText()}: ${one.what}`)));
  } catch (error) { replace(chosenAlert, failure(error)); }
}

async function load() {
  const told = loadAlerts();
  try {
    const found = await ask("/api/notices", { start: params.get("start"), end: params.get("end"), kind: params.get("kind"), text: params.get("text") });
    grid.show(found.notices);
    summary.className = `coverage ${found.undecoded.frames ? "missing" : "whole"}`;
    summary.textContent = `${count(found.notices.length)} notices${found.more ? ", the newest of more" : ""} from ${timeText(found.start)} to ${timeText(found.end)} ${zoneText()}. `
      + (found.undecoded.frames ? `${count(found.undecoded.frames)} frames could not be decoded: they are on the tape and in the table undecoded.` : "Every frame was decoded.");
  } catch (error) { replace(chosen, failure(error)); }
  await told;
  shownOnce();
}

const tools = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); remember({ start: start.value, end: end.value, kind: kind.value, text: text.value }, true); load(); } },
  el("label", { for: "start" }, "From"), start, el("label", { for: "end" }, "until"), end, el("label", { for: "kind" }, "Kind"), kind,
  el("label", { for: "text" }, "Words"), text, el("button", { class: "first" }, "Show"));
addEventListener("popstate", () => location.reload());
replace(page, tools, summary, grid.place, chosen, el("h2", {}, "What alerts told"), alertsSay, mutes, alerts.place, chosenAlert);
begin(load);
load();
