// What is in doubt, piece by piece, and decisions about it: sent one after the other, in the
// background, each with what stood there when the teacher decided.
import { Problem, call } from "../desk/desk.js";

const RETRY_MS = 1500;
const AHEAD = 6;

/** One thing to decide: `what` is `answer.3`, `student`, `duplicates` or `unreadable`. */
function itemsOf(scan) {
  return scan.items.map((item) => ({
    ...item, scan, key: `${scan.id}/${item.what}`, decided: null, conflict: null,
    // What stands there: nobody has settled an open answer or student, nor discarded the page.
    standing: item.what === "unreadable" ? false : null,
  }));
}

/** What is sent about one page; a page that belongs to nobody known is discarded. */
function settlement(what, value, seen) {
  if (what === "unreadable") return { discarded: value, seen: { discarded: seen } };
  if (what === "student" && value === "discard") {
    return { discarded: true, seen: { discarded: false } };
  }
  if (what === "student" && seen === "discard") {
    return { student: value, discarded: false, seen: { student: null, discarded: true } };
  }
  if (what === "student") return { student: value, seen: { student: seen } };
  const number = what.slice("answer.".length);
  return { answers: { [number]: value }, seen: { [what]: seen } };
}

export class Queue {
  /** `onChange` is told when something that is shown may have changed. */
  constructor(base, onChange) {
    Object.assign(this, { base, onChange, items: [], at: 0, following: null, ended: false });
    Object.assign(this, { left: 0, settled: 0, loading: null, unsent: 0, retrying: false });
    this.scores = new Map();
    this.past = [];
    this.outbox = Promise.resolve();
  }

  get current() {
    return this.items[this.at] ?? null;
  }

  get changedScores() {
    return [...this.scores.values()].filter(({ before, after }) => before !== after).length;
  }

  /** Load the next piece of the queue, once at a time. */
  more() {
    if (this.ended) return Promise.resolve();
    this.loading ??= (async () => {
      try {
        const after = this.following ? `?after=${this.following}` : "";
        const piece = await call("GET", `${this.base}/review/queue${after}`);
        const known = new Set(this.items.map((item) => item.key));
        this.items.push(...piece.scans.flatMap(itemsOf).filter((item) => !known.has(item.key)));
        this.following = piece.next;
        this.ended = piece.next === null;
        // What is on its way has been counted here, and not there.
        this.left = Math.max(0, piece.progress.left - this.unsent);
        this.settled = piece.progress.settled + this.unsent;
      } finally {
        this.loading = null;
      }
    })();
    return this.loading;
  }

  /** Fetch anew what is open; what was decided here stays behind. */
  async reload() {
    await this.loading?.catch(() => {});
    this.items = this.items.filter((item) => item.decided !== null || item.conflict !== null);
    Object.assign(this, { at: this.items.length, following: null, ended: false });
    await this.goOpen();
  }

  /** Stand at an item; more of the queue is fetched before it is needed. */
  async go(to) {
    while (to >= this.items.length && !this.ended) await this.more();
    this.at = Math.max(0, Math.min(to, this.items.length));
    if (this.items.length - this.at < AHEAD) this.more().then(this.onChange, () => {});
  }

  /** To the next item that is open; around the end, where some were left out. */
  async goOpen() {
    const open = (item) => item.decided === null;
    let found = this.items.findIndex((item, index) => index > this.at && open(item));
    while (found < 0 && !this.ended) {
      const before = this.items.length;
      await this.more();
      found = this.items.findIndex((item, index) => index >= before && open(item));
    }
    if (found < 0) found = this.items.findIndex(open);
    await this.go(found < 0 ? this.items.length : found);
  }

  /** Decide: counted and shown at once, sent in its turn. */
  decide(item, value) {
    const seen = item.standing;
    const again = item.decided !== null;
    // What will stand there once everything before has been sent.
    Object.assign(item, { decided: { value }, conflict: null, standing: value });
    if (!again) this.count(1);
    this.past.push({ item, seen, value });
    this.send(item, seen, () => this.request(item, value, seen));
  }

  /** Name another student for one of several pages. */
  rename(item, twin, student) {
    const url = `${this.base}/review/scans/${twin.id}`;
    const body = { student: student.id, seen: { student: item.scan.student.id } };
    Object.assign(item, { decided: { value: twin.id } });
    this.count(1);
    this.past.push({ item, twin, value: student.id });
    this.send(item, item.standing, () => call("POST", url, body));
  }

  /** Take the last decision back; the item that is open again, or null. */
  undo() {
    const last = this.past.pop();
    if (!last) return null;
    const { item, seen, twin } = last;
    const found = this.items.indexOf(item);
    this.at = found < 0 ? this.at : found;
    const isOpen = seen === null || seen === undefined || seen === false;
    item.decided = isOpen ? null : { value: seen };
    if (isOpen) this.count(-1);
    const before = item.standing;
    if (!twin) item.standing = seen;
    this.send(item, before, () => this.reverse(last));
    return item;
  }

  request(item, value, seen) {
    const { scan, what } = item;
    if (what === "duplicates") {
      const discard = item.twins.map((twin) => twin.id).filter((id) => id !== value);
      return call("POST", `${this.base}/review/duplicates`, { keep: value, discard });
    }
    return call("POST", `${this.base}/review/scans/${scan.id}`, settlement(what, value, seen));
  }

  async reverse({ item, twin, seen, value }) {
    const of = (id) => `${this.base}/review/scans/${id}`;
    const back = { discarded: false, seen: { discarded: true } };
    if (twin) {
      return call("POST", of(twin.id), { student: twin.settled, seen: { student: value } });
    }
    if (item.what === "duplicates") {
      let answer = null;
      for (const { id } of item.twins) {
        if (id !== value) answer = await call("POST", of(id), back);
      }
      return answer;
    }
    if (item.what === "student" && value === "discard") return call("POST", of(item.scan.id), back);
    return this.request(item, seen, value);
  }

  /** `before`: what stands there if it is refused. */
  send(item, before, request) {
    this.unsent += 1;
    this.onChange();
    this.outbox = this.outbox.then(async () => {
      try {
        this.learn(await this.insist(request));
      } catch (error) {
        await this.failed(item, before, error);
      } finally {
        this.unsent -= 1;
        this.onChange();
      }
    });
  }

  /** Try until there is an answer: what was decided is not lost with the network. */
  async insist(request) {
    for (;;) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof Problem) || (error.status && error.status < 500)) throw error;
        this.retrying = true;
        this.onChange();
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
      } finally {
        this.retrying = false;
      }
    }
  }

  async failed(item, before, error) {
    this.past = this.past.filter((one) => one.item !== item);
    const mine = item.decided?.value;
    if (item.decided !== null) this.count(-1);
    Object.assign(item, { decided: null, standing: before });
    this.at = Math.max(0, this.items.indexOf(item));
    if (error.code === "scan_changed" && "now" in error.details) {
      item.standing = error.details.now;
      item.conflict = { by: error.details.by, now: error.details.now, mine };
    } else {
      item.problem = error;
      if (error instanceof Problem) await this.refresh(item.scan.id).catch(() => {});
    }
  }

  /** Somebody else's decision stays. */
  concede(item) {
    Object.assign(item, { decided: { value: item.standing }, conflict: null });
    this.count(1);
  }

  /** The page as it is now, with fresh links to its pictures. */
  async refresh(scan) {
    this.learn(await call("GET", `${this.base}/review/scans/${scan}`));
    this.onChange();
  }

  /** What a decision did: items that are new or over, and scores that changed. */
  learn({ scans, scores }) {
    for (const { student, before, after } of scores) {
      const known = this.scores.get(student);
      this.scores.set(student, { before: known ? known.before : before, after });
    }
    for (const scan of scans) {
      const now = new Map(itemsOf(scan).map((item) => [item.key, item]));
      const place = this.items.findIndex((item) => item.scan.id === scan.id);
      const before = this.items.length;
      this.items = this.items.filter((item, index) => {
        if (item.scan.id !== scan.id) return true;
        const fresh = now.get(item.key);
        now.delete(item.key);
        const { decided, conflict, standing } = item;
        if (fresh) Object.assign(item, fresh, { decided, conflict, standing });
        else item.scan = scan;
        const stays = fresh || decided !== null || conflict !== null;
        if (!stays && index < this.at) this.at -= 1;
        return stays;
      });
      this.left = Math.max(0, this.left - (before - this.items.length) + now.size);
      const after = place < 0 ? this.items.length : Math.max(place, this.at);
      this.items.splice(after, 0, ...now.values());
    }
  }

  count(more) {
    this.settled = Math.max(0, this.settled + more);
    this.left = Math.max(0, this.left - more);
  }
}
