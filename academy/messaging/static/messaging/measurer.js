// Ask the platform what a text would be, while somebody types: seldom, and one question at a time.
import { Problem, call } from "../desk/desk.js";

const QUIET_MS = 350;
const AGAIN_MS = 4000;

export class Measurer {
  /** `ask()` is what to measure, or null where there is nothing; `tell(answer, problem)`. */
  constructor(url, ask, tell) {
    Object.assign(this, { url, ask, tell, timer: null, busy: null, stale: false });
  }

  /** Something has changed: measure once the typing pauses. */
  want() {
    this.stale = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), QUIET_MS);
  }

  /** Neither wait nor hear of anything any more. */
  stop() {
    clearTimeout(this.timer);
    this.busy?.abort();
  }

  async run() {
    // At most one is under way: whoever types on is measured when it has come back.
    if (this.busy) return;
    const body = this.ask();
    this.stale = false;
    if (body === null) {
      this.tell(null, null);
      return;
    }
    this.busy = new AbortController();
    const { signal } = this.busy;
    let [answer, problem] = [null, null];
    try {
      answer = await call("POST", this.url, body, { signal });
    } catch (error) {
      if (!signal.aborted && !(error instanceof Problem)) throw error;
      problem = error;
    } finally {
      this.busy = null;
    }
    if (signal.aborted) return;
    if (this.stale) {
      this.want();
      return;
    }
    this.tell(answer, problem);
    if (problem?.status === 0 || problem?.status >= 500) {
      this.timer = setTimeout(() => this.run(), AGAIN_MS);
    }
  }
}
