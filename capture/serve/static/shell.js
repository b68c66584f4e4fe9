// What all pages have in common: values they begin with, elements, times, the verdict, the live line.
import { Hub, merged } from "./live.js";

const trusted = window.trustedTypes
  ? trustedTypes.createPolicy("ticktape", { createScriptURL: (url) => (url === "/static/live.js" ? url : "") })
  : { createScriptURL: (url) => url };

export const start = JSON.parse(document.getElementById("start").textContent);

// Make an element; texts are set as text, never as HTML.
export function el(name, more = {}, ...children) {
  const found = document.createElement(name);
  for (const [key, value] of Object.entries(more)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) found.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(found.style, value);
    else found.setAttribute(key, value === true ? "" : value);
  }
  found.append(...children.filter((one) => one !== null && one !== undefined && one !== false));
  return found;
}

export function replace(place, ...children) {
  place.replaceChildren(...children.filter((one) => one !== null && one !== undefined && one !== false));
}

export const params = new URLSearchParams(location.search);

// Write the state of a page into its address.
export function remember(values, push = false) {
  for (const [key, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") params.delete(key);
    else params.set(key, value);
  }
  const address = `${location.pathname}${params.size ? `?${params}` : ""}${location.hash}`;
  if (push) history.pushState(null, "", address); else history.replaceState(null, "", address);
}

// ---- times: UTC, or of the exchange. What comes are ISO texts in UTC, or seconds since 1970.
export const NEW_YORK = "America/New_York";
const formats = new Map();
export const zoneMode = () => document.getElementById("zone").value;
export const zoneOf = (zone) => (zoneMode() === "exchange" ? zone || NEW_YORK : "UTC");

function parts(at, zone) {
  if (!formats.has(zone)) {
    formats.set(zone, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit",
      day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  }
  return Object.fromEntries(formats.get(zone).formatToParts(at).map((one) => [one.type, one.value]));
}

export const date = (at) => (typeof at === "number" ? new Date(at * 1000) : new Date(at));

export function timeText(at, zone) {
  if (at === null || at === undefined) return "";
  const found = parts(date(at), zoneOf(zone));
  return `${found.year}-${found.month}-${found.day} ${found.hour}:${found.minute}:${found.second}`;
}

export const zoneText = (zone) => (zoneOf(zone) === "UTC" ? "UTC" : zoneOf(zone));

export function ageText(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  if (seconds < 10) return `${Math.max(seconds, 0).toFixed(1)} s`;
  for (const [limit, unit, name] of [[120, 1, "s"], [7200, 60, "min"], [172800, 3600, "h"]]) {
    if (seconds < limit) return `${Math.round(seconds / unit)} ${name}`;
  }
  return `${Math.round(seconds / 86400)} d`;
}

export function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return "";
  let left = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (left < 1024) return unit === "B" ? `${left.toFixed(0)} B` : `${left.toFixed(1)} ${unit}`;
    left /= 1024;
  }
  return `${left.toFixed(1)} TiB`;
}

export const count = (value) => (value === null || value === undefined ? "" : value.toLocaleString("en-US"));

// ---- questions to the server
export async function ask(path, values = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const answer = await fetch(`${path}${query.size ? `?${query}` : ""}`, { signal });
  if (!answer.ok) throw new Error(await answer.text() || `${answer.status}`);
  return answer.json();
}

export const failure = (error) => el("p", { class: "error", role: "alert" }, error.message);

// ---- how it is, on every page
let told = start.now;
const listeners = [];
let line = "open";
let behind_ms = 0;

export const now = () => new Date(Date.now() - behind_ms); // by the server's clock
export const current = () => told;

export function onLive(listener) { listeners.push(listener); }

function showVerdict() {
  const place = document.getElementById("verdict");
  const lost = { lost: "no line to ticktape serve: trying again", ended: "ticktape serve has ended, or knows this browser no more: load the page again" }[line];
  const text = lost || `${told.verdict}: ${told.line}`;
  if (place.textContent !== text) {
    place.textContent = text; place.title = text; place.className = lost ? "warning" : told.verdict;
  }
}

function tick() {
  const clock = document.getElementById("clock");
  clock.textContent = `${timeText(now(), null)} ${zoneText(null)}`;
}

function take(news) {
  told = merged(told.streams ? told : null, news);
  behind_ms = Date.now() - date(told.at).getTime();
  showVerdict();
  for (const listener of listeners) listener(told);
}

function heard(message) {
  if (message.now) take(message.now);
  if (message.line) { line = message.line; showVerdict(); for (const listener of listeners) listener(told); }
}

export const lineState = () => line;

function connect() {
  let port;
  if (typeof SharedWorker !== "undefined") {
    const worker = new SharedWorker(trusted.createScriptURL("/static/live.js"), { type: "module", name: "ticktape" });
    port = worker.port;
    port.onmessage = ({ data }) => heard(data);
    port.start();
  } else {
    const hub = new Hub();
    const own = { postMessage: heard };
    port = { postMessage: (data) => (data.join ? hub.join(own) : hub.leave(own)) };
  }
  const seen = () => port.postMessage(document.hidden ? { leave: true } : { join: true });
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", () => port.postMessage({ leave: true }));
  addEventListener("pageshow", (event) => { if (event.persisted) seen(); });
  seen();
}

// Say that a page shows what it is about: for tests, and for who measures.
export function shownOnce() {
  if (!document.body.dataset.ready) { document.body.dataset.ready = "1"; performance.mark("shown"); }
}

export function begin(onZone) {
  if (told.streams) told = merged(null, told);
  behind_ms = Date.now() - date(told.at).getTime();
  const zone = document.getElementById("zone");
  zone.value = params.get("zone") === "exchange" ? "exchange" : "utc";
  zone.addEventListener("change", () => {
    remember({ zone: zone.value === "utc" ? null : zone.value });
    links(); tick(); onZone();
  });
  const links = () => {
    for (const link of document.querySelectorAll("nav a, header .name")) {
      link.search = zone.value === "utc" ? "" : "zone=exchange";
    }
  };
  links(); tick(); setInterval(tick, 1000); showVerdict(); connect();
}
