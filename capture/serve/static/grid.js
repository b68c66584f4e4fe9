// A table of many rows, of which only those in sight are elements. Arrow keys, Home, End and Page keys walk through it.
import { el } from "./shell.js";

const AHEAD = 10;

export class Grid {
  // columns: {name, title, width, right, text(row), cell(row)}; key(row) names a row; open(row) is what Enter and a click do.
  constructor({ label, columns, key, open, tone, height, sort, onSort }) {
    Object.assign(this, { columns, key, open, tone, onSort });
    this.rows = []; this.active = 0; this.made = new Map();
    this.sorted = sort || null;
    this.template = columns.map((one) => one.width || "minmax(90px, 1fr)").join(" ");
    // Every row is as wide as its columns want, whatever stands in it: so they stand below each other.
    this.least = `${columns.reduce((sum, one) => sum + Number(/(\d+)px/.exec(one.width || "90px")[1]), 0)}px`;
    this.head = el("div", { class: "row", role: "row", "aria-rowindex": 1, style: { gridTemplateColumns: this.template, minWidth: this.least } },
      ...columns.map((one, place) => this.header(one, place)));
    this.body = el("div", { class: "body", role: "rowgroup", style: { minWidth: this.least } });
    this.place = el("div", { class: "grid", role: "grid", "aria-label": label, "aria-colcount": columns.length,
      style: height ? { maxHeight: height } : {} }, el("div", { class: "head", role: "rowgroup" }, this.head), this.body);
    this.place.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.draw()).observe(this.place);
    this.row_px = 28;
  }

  header(column, place) {
    const found = el("div", { role: "columnheader", "aria-colindex": place + 1, class: column.right ? "right" : "" });
    if (this.onSort && column.name) found.append(el("button", { onclick: () => this.sortBy(column.name) }, column.title));
    else found.append(column.title);
    if (this.sorted && this.sorted.name === column.name) found.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
    return found;
  }

  sortBy(name) {
    this.sorted = { name, down: this.sorted && this.sorted.name === name ? !this.sorted.down : false };
    [...this.head.children].forEach((cell, place) => {
      if (this.columns[place].name === name) cell.setAttribute("aria-sort", this.sorted.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
    this.onSort(this.sorted);
  }

  show(rows) {
    const had = this.rows[this.active] && this.key(this.rows[this.active]);
    this.rows = rows;
    const found = had === undefined ? -1 : rows.findIndex((row) => this.key(row) === had);
    this.active = Math.max(found, 0);
    this.place.setAttribute("aria-rowcount", rows.length + 1);
    this.body.style.height = `${rows.length * this.row_px}px`;
    this.draw(true);
  }

  draw(again = false) {
    const top = this.place.scrollTop, high = this.place.clientHeight || 600;
    const first = Math.max(Math.floor(top / this.row_px) - AHEAD, 0);
    const last = Math.min(Math.ceil((top + high) / this.row_px) + AHEAD, this.rows.length);
    const wanted = new Set([this.active < this.rows.length ? this.active : -1]);
    for (let place = first; place < last; place += 1) wanted.add(place);
    wanted.delete(-1);
    for (const [place, row] of this.made) if (!wanted.has(place)) { row.remove(); this.made.delete(place); }
    for (const place of [...wanted].sort((a, b) => a - b)) {
      const known = this.made.get(place);
      if (known && !again) continue;
      this.fill(known || this.make(place), this.rows[place], place);
    }
  }

  make(place) {
    const row = el("div", { class: "row", role: "row", "aria-rowindex": place + 2,
      style: { top: `${place * this.row_px}px`, gridTemplateColumns: this.template, minWidth: this.least } },
      ...this.columns.map((one, at) => el("div", { role: "gridcell", "aria-colindex": at + 1, class: one.right ? "right" : "" })));
    row.addEventListener("click", (event) => {
      this.move(place, false);
      if (this.open && event.target.tagName !== "A") this.open(this.rows[place]);
    });
    const after = [...this.made.keys()].filter((one) => one > place).sort((a, b) => a - b)[0];
    this.body.insertBefore(row, after === undefined ? null : this.made.get(after));
    this.made.set(place, row);
    return row;
  }

  fill(row, values, place) {
    row.tabIndex = place === this.active ? 0 : -1;
    const tone = `row ${this.tone ? this.tone(values) : ""}`.trim();
    if (row.className !== tone) row.className = tone;
    this.columns.forEach((column, at) => {
      const cell = row.children[at];
      if (column.cell) { cell.replaceChildren(column.cell(values)); return; }
      const text = column.text(values);
      if (cell.textContent !== text) { cell.textContent = text; cell.title = text.length > 20 ? text : ""; }
    });
  }

  pressed(event) {
    const page = Math.max(Math.floor(this.place.clientHeight / this.row_px) - 2, 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      this.move(Math.min(Math.max(this.active + by, 0), this.rows.length - 1), true);
    } else if (event.key === "Enter" && this.open && event.target.classList.contains("row")) {
      event.preventDefault();
      this.open(this.rows[this.active]);
    }
  }

  move(place, focus) {
    const before = this.made.get(this.active);
    if (before) before.tabIndex = -1;
    this.active = place;
    const top = place * this.row_px, head = this.head.offsetHeight;
    if (top < this.place.scrollTop) this.place.scrollTop = top;
    else if (top + this.row_px + head > this.place.scrollTop + this.place.clientHeight) {
      this.place.scrollTop = top + this.row_px + head - this.place.clientHeight;
    }
    this.draw();
    const row = this.made.get(place);
    row.tabIndex = 0;
    if (focus) row.focus({ preventScroll: true });
  }
}
