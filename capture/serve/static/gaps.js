// A table of gaps, as it stands beside whatever they are gaps of.
import { ageText, el, timeText } from "./shell.js";

const HEADS = ["stream", "from", "to", "lasted", "state", "why", "rows restored"];

export function gapsTable(gaps, zone) {
  const cells = (gap) => [gap.stream, timeText(gap.from_ts, zone), gap.to_ts ? timeText(gap.to_ts, zone) : "goes on", ageText(gap.lasted_s), gap.state,
    gap.reason, gap.rows_restored === null ? "" : String(gap.rows_restored)];
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Gaps" }, el("table", {},
    el("thead", {}, el("tr", {}, ...HEADS.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...gaps.map((gap) => el("tr", {}, ...cells(gap).map((text) => el("td", {}, text)))))));
}
