// The preview that is confirmed: exactly what goes out, with the minutes that it may be.
import { Problem, call, during, h, report, t, toast } from "../desk/desk.js";
import { Rows, at, because, bubble, data, figure, phone, tag, won } from "./parts.js";

const SECOND = 1000;
const STATES = ["draft", "blocked", "suppressed"];
const by = (id) => document.getElementById(id);

export class Confirming {
  /** `asked()` is the campaign as it stands on the page. */
  constructor(asked) {
    Object.assign(this, { asked, made: null, busy: false, leaving: false, clock: null });
    by("back").addEventListener("click", () => by("confirm").close());
    by("send").addEventListener("click", (event) => this.press(event.currentTarget));
    by("confirm").addEventListener("close", () => {
      clearInterval(this.clock);
      by("preview").disabled = false;
      by("preview").focus();
    });
  }

  /** Have the preview made, and show it. */
  async open() {
    this.busy = true;
    try {
      this.made = await call("POST", `${data.root}/compose/preview`, this.asked());
      this.ends = performance.now() + this.made.expires_in * SECOND;
    } finally {
      this.busy = false;
    }
    this.draw();
    if (!by("confirm").open) by("confirm").showModal();
    by("confirm-title").focus();
  }

  get isOver() {
    return performance.now() >= this.ends;
  }

  get count() {
    return this.made.campaign.states.draft ?? 0;
  }

  draw() {
    const { campaign, credit, begins, messages } = this.made;
    const blocked = campaign.states.blocked ?? 0;
    const good = messages.find((one) => one.state === "draft");
    const types = Object.entries(campaign.types)
      .map(([type, count]) => `${t(`type_${type}`)} ${figure(count)}`).join(" · ");
    const rows = h("div", { class: "confirm-rows" });
    by("confirm-body").replaceChildren(...[
      h("dl", { class: "figures" },
        this.fact(t("recipients"), figure(this.count), types),
        this.fact(t("price"), won(campaign.price_expected),
          campaign.price_most > campaign.price_expected
            ? t("most_price", { amount: figure(campaign.price_most) }) : ""),
        this.fact(t("credits"), won(credit.free), credit.after < 0
          ? t("credit_short", { amount: figure(-credit.after) })
          : t("after", { amount: figure(credit.after) }))),
      h("p", { class: "banner" }, this.begins(begins)),
      blocked ? h("p", { class: "banner bad" }, t("blocked_rows", { count: figure(blocked) })) : null,
      this.reasons(campaign.reasons),
      good ? h("div", { class: "phone small" },
        ...phone(data.sender, [good.name, good.phone].filter(Boolean).join(" · "),
          bubble(good).filter(Boolean))) : null,
      rows,
    ].filter(Boolean));
    this.rows = new Rows(rows, `${data.root}/campaigns/${campaign.id}`, { states: STATES });
    this.rows.load();
    clearInterval(this.clock);
    this.clock = setInterval(() => this.tick(), SECOND);
    this.tick();
  }

  fact(name, value, more) {
    return h("div", {}, h("dt", {}, name), h("dd", {}, value),
      more ? h("dd", { class: "more" }, more) : null);
  }

  begins({ at: moment, deferred }) {
    if (deferred) return t("at_night", { at: at(moment) });
    return moment ? t("begins_at", { at: at(moment) }) : t("begins_now");
  }

  reasons(reasons) {
    if (!reasons.length) return null;
    return h("ul", { class: "problems" }, reasons.map(({ state, count, reason }) => h("li", { class: state },
      h("strong", {}, figure(count)), tag(state), h("span", { class: "why" }, because(reason)))));
  }

  tick() {
    const left = Math.max(0, Math.ceil((this.ends - performance.now()) / SECOND));
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    by("countdown").textContent = this.isOver ? t("expired") : t("time_left", { time });
    by("countdown").classList.toggle("soon", left <= 60);
    const { states } = this.made.campaign;
    const stopped = states.blocked || !this.count || this.made.credit.after < 0;
    if (this.busy || this.leaving) return;
    by("send").textContent = this.isOver ? t("anew") : t("confirm", { count: figure(this.count) });
    by("send").disabled = !this.isOver && Boolean(stopped);
    if (this.isOver) clearInterval(this.clock);
  }

  /** Send once: the button is off from the first press on, and the token is good once. */
  press(button) {
    if (this.busy || this.leaving) return;
    during(button, () => (this.isOver ? this.open() : this.send()));
  }

  async send() {
    this.busy = true;
    by("send").textContent = t("sending");
    try {
      const { id } = await call("POST", `${data.root}/compose/confirm`, { token: this.made.token });
      this.leave(id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === "message_preview_used") {
        // The answer of the first time was lost, or another tab was faster: it is sent, once.
        toast(t("already_confirmed"));
        this.leave(this.made.campaign.id);
        return;
      }
      if (error.code === "message_preview_expired") this.ends = 0;
      report(error);
    } finally {
      this.busy = false;
      this.tick();
    }
  }

  leave(id) {
    this.leaving = true;
    location.assign(`${data.root}/campaigns/${id}`);
  }
}
