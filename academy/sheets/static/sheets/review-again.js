// What is doubtful, read again by a larger network: its price first, then how far it is, then what
// is left. The teacher goes on settling meanwhile; what a person settles counts before any network.
import { Problem, call, during, h, lang, report, t } from "../desk/desk.js";

const POLL_MS = 1500;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class SecondReading {
  /** `onEnd` is called when a reading has ended and the queue is another one. */
  constructor(box, base, onEnd) {
    Object.assign(this, { box, url: `${base}/review/again`, onEnd, offer: null });
    this.ask = document.getElementById("again-ask");
    this.ask.addEventListener("close", () => {
      if (this.ask.returnValue === "yes") this.order().catch(report);
    });
  }

  /** See what there is: a reading at work, an offer, or nothing. */
  async look() {
    const { offer, job } = await call("GET", this.url);
    this.offer = offer;
    if (job) await this.follow(job);
    else this.drawOffer();
  }

  /** The price as it is now, before anybody agrees to it. */
  async question(button) {
    await during(button, () => this.look());
    if (!this.offer || this.offer.refusal || !this.box.querySelector("button")) return;
    const { pages, unit_price: unit, price } = this.offer;
    const values = { pages, unit: money(this.offer, unit), price: money(this.offer, price) };
    document.getElementById("again-price").textContent = t("again_price", values);
    this.ask.returnValue = "";
    this.ask.showModal();
  }

  async order() {
    for (const button of this.box.querySelectorAll("button")) button.disabled = true;
    try {
      await this.follow(await call("POST", this.url, { pages: this.offer.pages }));
    } catch (error) {
      // What stands here is not so any more: it grew, somebody settled it, or the plan changed.
      await this.look();
      throw error;
    }
  }

  async follow(job) {
    let now = job;
    while (!now.ended) {
      this.drawWork(now);
      await wait(POLL_MS);
      now = await this.news(now);
    }
    await this.onEnd();
    this.drawEnd(now);
  }

  /** A connection that is gone for a while loses nothing. */
  async news(job) {
    try {
      return await call("GET", `${this.url}/${job.job}`);
    } catch (error) {
      if (!(error instanceof Problem) || (error.status && error.status < 500)) throw error;
      return job;
    }
  }

  draw(tone, ...children) {
    this.box.className = `banner again ${tone}`;
    this.box.hidden = children.length === 0;
    this.box.replaceChildren(...children);
  }

  drawOffer() {
    const { offer } = this;
    if (!offer) { this.draw(""); return; }
    const text = h("p", {}, t("again_offer", offer));
    if (offer.refusal) {
      text.append(" ", h("small", {}, new Problem(403, offer.refusal).text));
      this.draw("", text);
      return;
    }
    const button = h("button", { type: "button", onclick: () => this.question(button) },
      t("again_order", { price: money(offer, offer.price) }));
    this.draw("", text, button);
  }

  drawWork({ percent }) {
    const text = percent > 0 ? t("again_working", { percent }) : t("again_waiting");
    this.draw("", h("p", {}, text), h("progress", { max: 100, value: percent, "aria-label": text }));
  }

  drawEnd({ outcome, error }) {
    if (outcome) this.draw("good", h("p", {}, t("again_done", outcome)));
    else this.draw("bad", h("p", {}, error ? new Problem(0, error).text : t("again_cancelled")));
  }
}

function money({ currency }, amount) {
  return new Intl.NumberFormat(lang, { style: "currency", currency }).format(amount);
}
