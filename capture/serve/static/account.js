// Account: values, positions, profits, exposure and stress of one account as of a moment, each with its age and source. Nothing is summed here.
import { gapsTable } from "./gaps.js";
import { ageText, ask, begin, el, onLive, params, remember, replace, shownOnce, timeText, zoneText } from "./shell.js";

const VALUES_S = 5, RISK_S = 30; // between questions while nobody named a moment
const page = document.getElementById("page");
const select = el("select", { id: "account" });
const moment = el("input", { type: "text", id: "at", size: 24, placeholder: "now, or 2026-11-20T14:31:05Z", value: params.get("at") || "" });
moment.addEventListener("input", () => moment.setCustomValidity(moment.value.trim() && Number.isNaN(Date.parse(moment.value)) ? "write a moment in UTC: 2026-11-20T14:31:05Z" : ""));
const rate = el("select", { id: "rate" });
const summary = el("p", { class: "coverage", role: "status" }, "asking the lake…");
const facts = el("dl", { class: "facts" }), riskSays = el("p", { class: "coverage" }, "pricing what is held…");
const gapsPlace = el("div"), gaps = el("details", { class: "gaps", hidden: true }, el("summary", {}, "Gaps of the day"), gapsPlace), positionsSay = el("p"), profitsSay = el("p"), stressSays = el("p"), unpriced = el("ul");
const regions = new Map();
let shown = null, risk = null, asked_s = { values: 0, risk: 0 }, busy = { values: false, risk: false }, turn = 0;

const money = (value, digits = 2) => (value === null || value === undefined ? "" : value.toLocaleString("en-US", { maximumFractionDigits: digits }));
const words = (value) => (Number.isFinite(Number(value)) && value !== "" && value !== null ? money(Number(value), 4) : value || "");
const percent = (value) => `${value > 0 ? "+" : ""}${Math.round(value * 1000) / 10} %`;
const stale = (is) => (is ? "stale" : "");
const spoken = (name) => name.replace(/([a-z])([A-Z])/g, "$1 $2").replace("Pn L", "P&L");

// A region keeps its place, scroll and focus; only the table in it is made anew.
function region(label) {
  if (!regions.has(label)) regions.set(label, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }));
  return regions.get(label);
}

// Rows are { cells, stale }: the first cell is the row's header, numbers stand right.
function fill(label, heads, rows) {
  const isText = new Set(heads.filter(([, text]) => text).map(([name]) => name));
  replace(region(label), el("table", {}, el("thead", {}, el("tr", {}, ...heads.map(([name]) => el("th", { scope: "col", class: isText.has(name) ? "" : "right" }, name)))),
    el("tbody", {}, ...rows.map((row) => el("tr", { class: stale(row.stale) }, ...row.cells.map((text, place) => el(place ? "td" : "th", place ? { class: isText.has(heads[place][0]) ? "" : "right" } : { scope: "row" }, text === null || text === undefined ? "" : String(text))))))));
}
const TEXT = true;

function fact(name, text, age_s, source, isStale) {
  const said = [isStale ? "stale" : "", age_s === null || age_s === undefined ? "" : `${ageText(age_s)} old`, source].filter(Boolean).join(", ");
  return el("div", { class: stale(isStale) }, el("dt", {}, name), el("dd", {}, text, el("span", { class: "age" }, said)));
}

const total = (tag) => shown.values.find((one) => one.tag === tag && one.segment === null && one.model_code === null && one.currency !== "BASE");

function drawFacts() {
  const ofValue = (tag, name) => {
    const one = total(tag);
    if (!one) return fact(name, "not known");
    const text = tag === "Cushion" && one.number !== null ? percent(one.number).replace("+", "") : `${words(one.value)} ${one.currency || ""}`;
    return fact(name, text, one.age_s, "account values", one.state === "stale");
  };
  const day = shown.profits.find((one) => one.instrument_id === null);
  const ofDay = (name, value) => (day && value !== null ? fact(name, `${money(value)} ${total("NetLiquidation")?.currency || ""}`, day.reported_age_s, "IB's P&L", day.is_stale) : fact(name, "not known"));
  replace(facts, ofValue("NetLiquidation", "Net liquidation"), ofDay("Profit of the day", day?.daily_reported), ofDay("Unrealized", day?.unrealized_reported), ofDay("Realized", day?.realized_reported),
    ofValue("Cushion", "Margin cushion"), ofValue("ExcessLiquidity", "Excess liquidity"), ofValue("MaintMarginReq", "Maintenance margin"));
}

const valueRow = (one) => ({ stale: one.state === "stale", cells: [spoken(one.tag), one.segment, one.model_code, one.currency, words(one.value), one.state, ageText(one.age_s), `account values by ${one.recorder}`] });
const VALUE_HEADS = [["value", TEXT], ["segment", TEXT], ["model", TEXT], ["currency", TEXT], ["amount"], ["state", TEXT], ["age"], ["source", TEXT]];

function drawPositions() {
  const state = shown.positions.find((one) => one.instrument_id === null)?.state;
  const held = shown.positions.filter((one) => one.instrument_id !== null && one.position !== 0);
  positionsSay.textContent = state === "unknown" || !shown.positions.length ? "Not known: IB has not answered what it holds, which does not mean that it holds nothing."
    : !held.length ? "Known to be empty: IB said that it holds nothing."
    : held.every((one) => one.complete) ? "IB said that these are all." : "There may be more: IB's answer that lists all has not ended, or its request was lost since.";
  fill("Positions", [["symbol", TEXT], ["kind", TEXT], ["currency", TEXT], ["position"], ["average cost"], ["IB's price"], ["value"], ["unrealized"], ["state", TEXT], ["age"], ["price's age"], ["source", TEXT]],
    held.map((one) => ({ stale: one.state === "stale", cells: [one.symbol, one.security_type, one.currency, money(one.position, 8), money(one.average_cost, 4), money(one.market_price, 6), money(one.market_value), money(one.unrealized), one.state, ageText(one.age_s), ageText(one.mark_age_s), `${one.source} by ${one.recorder}`] })));
}

function drawProfits() {
  const rows = shown.profits.filter((one) => one.instrument_id !== null);
  profitsSay.textContent = `Since ${timeText(shown.since)} ${zoneText()}, the midnight of New York: what is held at the newest recorded price, less what it was worth then and what was paid, each in its own currency.`;
  fill("Profits", [["symbol", TEXT], ["currency", TEXT], ["profit"], ["fills"], ["fees"], ["price"], ["price is of", TEXT], ["price's age"], ["IB's profit of the day"], ["IB's age"]],
    rows.map((one) => ({ stale: one.is_stale, cells: [one.symbol, one.currency, one.profit === null ? "not known" : money(one.profit), one.fills, money(one.fees), money(one.price_end, 6), one.end_mark_source, ageText(one.price_age_s), money(one.daily_reported), ageText(one.reported_age_s)] })));
}

function draw() {
  replace(select, ...shown.accounts.map((name) => el("option", { value: name, selected: name === shown.account }, [name, shown.money[name]].filter(Boolean).join(", "))));
  if (!shown.account) {
    summary.className = "coverage"; summary.textContent = "no account was recorded: [accounts] in ticktape.toml says which are";
    body.hidden = true;
    return;
  }
  const old = [...shown.values, ...shown.positions].filter((one) => one.state === "stale").length;
  const isKnown = shown.values.length > 0;
  body.hidden = false;
  const lost = shown.gaps.filter((one) => one.state !== "backfilled");
  summary.className = `coverage ${old || !isKnown || lost.length ? "missing" : "whole"}`;
  summary.textContent = `${shown.account}, ${shown.money[shown.account] || "live or paper is not known of an alias"}, as of ${timeText(shown.at)} ${zoneText()}: ${!isKnown ? "its values are not known: none was sent in the eight days before" : old ? `${old} figures are stale, shown grey: since IB sent them the line, the request or its recorder was lost` : "all is known"}.${lost.length ? ` ${lost.length} gaps since ${timeText(shown.since)}: what it did meanwhile may be missing.` : ""}`;
  gaps.hidden = !lost.length;
  replace(gapsPlace, gapsTable(lost, null));
  drawFacts(); drawPositions(); drawProfits();
  fill("Values", VALUE_HEADS, shown.values.filter((one) => one.is_figure).map(valueRow));
  fill("Every other value", VALUE_HEADS, shown.values.filter((one) => !one.is_figure).map(valueRow));
}

const EXPOSED = [["gross"], ["net"], ["long"], ["short"], ["holdings"], ["not in it"]];
function drawRisk() {
  const isOld = risk.stale || risk.unknown;
  const prices = risk.prices.map((one) => `${one.count} by ${{ mid: "the middle of a quote", last: "a trade", mark: "level 1", IB: "IB's own mark" }[one.source] || one.source}, the oldest ${ageText(one.oldest_age_s)} old`).join("; ");
  riskSays.className = `coverage ${isOld || risk.unpriced.length ? "missing" : "whole"}`;
  riskSays.textContent = `As of ${timeText(risk.at)} ${zoneText()}, in ${risk.currency}, other currencies by the rates in the account's values. Prices: ${prices || "none"}.${risk.unknown ? " What it holds is not known." : ""}${risk.stale ? " What it holds is stale: the line was lost since IB said it." : ""}${risk.unpriced.length ? ` ${risk.unpriced.length} holdings are in no figure.` : ""}`;
  for (const [by, rows] of Object.entries(risk.exposure)) {
    fill(`Exposure by ${by}`, [[by, TEXT], ...EXPOSED], rows.map((one) => ({ stale: isOld, cells: [one.group, ...(one.unpriced === one.holdings ? ["", "", "", ""] : [one.gross, one.net, one.long, one.short].map((value) => money(value, 0))), one.holdings, one.unpriced || ""] })));
  }
  drawStress(isOld);
}

function drawStress(isOld) {
  const unique = (name) => [...new Set(risk.stress.map((one) => one[name]))].sort((a, b) => a - b);
  const rates = unique("rate_move"), wanted = Number(params.get("rate") || 0);
  const chosen = rates.includes(wanted) ? wanted : 0;
  replace(rate, ...rates.map((value) => el("option", { value, selected: value === chosen }, `${value > 0 ? "+" : ""}${Math.round(value * 1e4)} bp`)));
  const at = (volatility, price) => risk.stress.find((one) => one.rate_move === chosen && one.volatility_move === volatility && one.price_move === price);
  const prices = unique("price_move"), nothing = risk.stress.every((one) => one.priced === 0);
  fill("Stress", [["volatilities", TEXT], ...prices.map((price) => [`prices ${percent(price)}`])], nothing ? [] : unique("volatility_move").map((volatility) => ({ stale: isOld, cells: [percent(volatility), ...prices.map((price) => money(at(volatility, price).gain, 0))] })));
  const worst = risk.worst;
  stressSays.textContent = nothing ? "Nothing that it holds could be priced." : `What it would gain, in ${risk.currency}. Worst of the whole grid: ${money(worst.gain, 0)} at prices ${percent(worst.price_move)}, volatilities ${percent(worst.volatility_move)}, rates ${Math.round(worst.rate_move * 1e4)} bp.`;
  replace(unpriced, ...risk.unpriced.map((one) => el("li", {}, `in no figure: ${one.symbol} (${one.security_type}), ${money(one.position, 8)}: ${one.reason}`)));
}

function refuse(place, error) { place.className = "error"; place.textContent = error.message; }

// Each question belongs to a turn: what comes late, of another account or moment, is not shown.
async function load(quiet = false) {
  if (quiet && busy.values) return;
  const mine = quiet ? turn : turn += 1;
  busy.values = true; asked_s.values = Date.now() / 1000;
  summary.setAttribute("aria-live", quiet ? "off" : "polite"); // or it would be read out every few seconds
  if (!quiet) summary.textContent = "asking the lake…";
  try {
    const found = await ask("/api/account", { account: params.get("account"), at: params.get("at") });
    if (mine === turn) { shown = found; draw(); }
  } catch (error) { if (mine === turn) { shown = null; body.hidden = true; refuse(summary, error); } } finally { busy.values = false; }
}

async function loadRisk(quiet = false) {
  if ((quiet && busy.risk) || !shown?.account) return;
  const mine = turn;
  busy.risk = true; asked_s.risk = Date.now() / 1000;
  try {
    const found = await ask("/api/account_risk", { account: shown.account, at: params.get("at") });
    if (mine === turn) { risk = found; riskBody.hidden = false; drawRisk(); }
  } catch (error) { if (mine === turn) { risk = null; riskBody.hidden = true; refuse(riskSays, error); } } finally { busy.risk = false; }
}

async function loadAll() { await load(); await loadRisk(); shownOnce(); }

function choose(values) {
  remember(values, true);
  risk = null; riskBody.hidden = true; riskSays.className = "coverage"; riskSays.textContent = "pricing what is held…";
  loadAll();
}

const tools = el("form", { class: "tools", onsubmit: (event) => { event.preventDefault(); choose({ account: select.value, at: moment.value.trim() }); } },
  el("label", { for: "account" }, "Account"), select, el("label", { for: "at" }, "as of (UTC)"), moment, el("button", { class: "first" }, "Show"),
  el("button", { type: "button", onclick: () => { moment.value = ""; moment.setCustomValidity(""); choose({ account: select.value, at: null }); } }, "Now"));
const riskBody = el("div", { hidden: true },
  ...["sector", "currency", "class"].flatMap((by) => [el("h3", {}, `By ${by}`), region(`Exposure by ${by}`)]),
  el("h2", {}, "Stress"), stressSays, el("p", { class: "tools" }, el("label", { for: "rate" }, "Interest rates"), rate), region("Stress"), unpriced);
const body = el("div", { hidden: true }, gaps, facts,
  el("h2", {}, "Positions"), positionsSay, region("Positions"),
  el("h2", {}, "Profit and loss"), profitsSay, region("Profits"),
  el("h2", {}, "Values"), region("Values"), el("details", {}, el("summary", {}, "Every other value that IB sent"), region("Every other value")),
  el("h2", {}, "Exposure"), riskSays, riskBody);
select.addEventListener("change", () => choose({ account: select.value }));
rate.addEventListener("change", () => { remember({ rate: rate.value === "0" ? null : rate.value }); drawRisk(); });
addEventListener("popstate", () => location.reload());
replace(page, tools, summary, body);
begin(() => { if (shown) draw(); if (risk) drawRisk(); });
loadAll();
onLive(() => { // the recorder goes on: ask again, unless a moment is named
  const now_s = Date.now() / 1000;
  if (params.get("at") || document.hidden || !shown?.account) return;
  if (now_s - asked_s.values > VALUES_S) load(true);
  if (now_s - asked_s.risk > RISK_S) loadRisk(true);
});
