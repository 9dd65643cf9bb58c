// The questions as data: what changes them, the way back, and what is sent. No elements here.

/** As narrow or low as a box may be, in pixels of the page. */
export const SMALLEST = 8;
const UNSURE = 0.75;
const STEPS_BACK = 200;

export class Boxes {
  constructor() {
    this.pages = new Map();
    this.items = [];
    this.revision = 0;
    this.clean = "";
    this.past = [];
    this.nextId = 1;
  }

  /** Take over what the platform says. */
  load(body) {
    this.pages = new Map(body.pages.map((page) => [page.number, page]));
    this.items = body.questions.map((one) => ({
      id: this.nextId++, n: one.n, last: one.last,
      parts: one.parts.map((part) => ({ page: part.page, bbox: [...part.bbox] })),
      unsure: Math.min(one.confidence, one.number_confidence) < UNSURE,
    }));
    this.revision = body.revision;
    this.past = [];
    this.clean = this.#said();
  }

  #said() {
    return JSON.stringify(this.body().questions);
  }

  get dirty() {
    return this.#said() !== this.clean;
  }

  /** Keep the present state, to go back to. Call it before a change. */
  mark() {
    const now = JSON.stringify(this.items);
    if (this.past.at(-1) === now) return;
    this.past.push(now);
    if (this.past.length > STEPS_BACK) this.past.shift();
  }

  /** Go back one step; false where there is none. */
  undo() {
    const before = this.past.pop();
    if (before === undefined) return false;
    this.items = JSON.parse(before);
    return true;
  }

  find(id) {
    return this.items.find((item) => item.id === id);
  }

  remove(id, place) {
    this.mark();
    const item = this.find(id);
    item.parts.splice(place, 1);
    if (item.parts.length === 0) this.items = this.items.filter((one) => one !== item);
  }

  /** A question that was not found; its number follows the one above it. */
  add(page, bbox) {
    this.mark();
    const item = { id: this.nextId++, n: 1, last: null, parts: [{ page, bbox }], unsure: false };
    this.items.push(item);
    const order = this.sorted();
    const before = order.slice(0, order.indexOf(item)).findLast((one) => one.last === null);
    item.n = Math.min(999, (before?.n ?? 0) + 1);
    return item;
  }

  /** A part of a question on another column or page. */
  addPart(id, page, bbox) {
    this.mark();
    const item = this.find(id);
    item.parts.push({ page, bbox });
    return item.parts.length - 1;
  }

  /** A box moved by so much, or to other edges, within its page. */
  static within(bbox, page) {
    let [left, top, right, bottom] = bbox.map(Math.round);
    const wide = Math.max(SMALLEST, Math.min(page.width, right - left));
    const tall = Math.max(SMALLEST, Math.min(page.height, bottom - top));
    left = Math.max(0, Math.min(page.width - wide, left));
    top = Math.max(0, Math.min(page.height - tall, top));
    return [left, top, left + wide, top + tall];
  }

  /** Edges dragged to a place; opposite edges stay where they are. */
  static resized(bbox, edges, x, y, page) {
    let [left, top, right, bottom] = bbox;
    if (edges.includes("w")) left = Math.max(0, Math.min(right - SMALLEST, Math.round(x)));
    if (edges.includes("e")) right = Math.min(page.width, Math.max(left + SMALLEST, Math.round(x)));
    if (edges.includes("n")) top = Math.max(0, Math.min(bottom - SMALLEST, Math.round(y)));
    if (edges.includes("s")) bottom = Math.min(page.height, Math.max(top + SMALLEST, Math.round(y)));
    return [left, top, right, bottom];
  }

  /** In reading order: pages, halves of a page, from above. */
  sorted() {
    const key = (item) => {
      const { page, bbox } = item.parts[0];
      const half = (bbox[0] + bbox[2]) / 2 < this.pages.get(page).width / 2 || this.#wide(bbox, page);
      return [page, half ? 0 : 1, bbox[1], item.last === null ? 1 : 0];
    };
    return [...this.items].sort((one, other) => {
      const [a, b] = [key(one), key(other)];
      const at = a.findIndex((value, index) => value !== b[index]);
      return at < 0 ? 0 : a[at] - b[at];
    });
  }

  #wide(bbox, page) {
    return bbox[2] - bbox[0] > this.pages.get(page).width * 0.6;
  }

  /** Numbers that more than one question has, although they follow each other. */
  twice() {
    const seen = new Set();
    const double = new Set();
    for (const { n, last } of this.sorted()) {
      if (last !== null) continue;
      // The next paper of a bundle begins anew at 1.
      if (n === 1) seen.clear();
      if (seen.has(n)) double.add(n);
      seen.add(n);
    }
    return double;
  }

  body() {
    return {
      revision: this.revision,
      questions: this.sorted().map(({ n, last, parts }) => ({
        n, last, parts: parts.map(({ page, bbox }) => ({ page, bbox })),
      })),
    };
  }
}

/** A question's name: its number, or the numbers that share a text. */
export function nameOf(item) {
  return item.last === null ? String(item.n) : `${item.n}~${item.last}`;
}
