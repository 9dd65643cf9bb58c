// Messages as every page shows them: money, moments, bubbles, rows, and the story of one message.
import { call, h, lang, report, t } from "../desk/desk.js";

const SEARCH_MS = 250;
const LIMIT = 50;
const MOST = 200;
const figures = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
const moments = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : "ko-KR", {
  timeZone: "Asia/Seoul", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
  hour12: false,
});
const exact = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : "ko-KR", {
  timeZone: "Asia/Seoul", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
  second: "2-digit", hour12: false,
});

export const data = JSON.parse(document.getElementById("data").textContent);
export const figure = (number) => figures.format(number);
export const won = (number) => t("won", { amount: figure(number) });
/** A moment in Korea, where the phones are. */
export const at = (iso) => moments.format(new Date(iso));
/** A sentence that the platform keeps in both languages. */
export const said = (text) => (text ? text[lang] : "");

/** A message as a phone would show it. */
export function bubble({ type, subject, text, fallback, sent_as: sentAs = null }) {
  if (text === null) return [h("p", { class: "gone" }, t("text_gone"))];
  if (type === "alimtalk" && sentAs !== "sms" && sentAs !== "lms") {
    return [
      h("div", { class: "kakao" },
        h("p", { class: "kakao-head" }, t("alimtalk")), h("p", { class: "bubble-text" }, text)),
      fallback ? h("p", { class: "between" }, t("fallback")) : null,
      fallback ? h("div", { class: "bubble" }, h("p", { class: "bubble-text" }, fallback)) : null,
    ];
  }
  return [h("div", { class: "bubble" },
    subject ? h("p", { class: "bubble-subject" }, subject) : null,
    h("p", { class: "bubble-text" }, type === "alimtalk" ? fallback : text))];
}

/** The screen of a phone; `sender` and `to` stand over it. */
export function phone(sender, to, ...inside) {
  return [
    sender ? h("p", { class: "phone-head" }, h("strong", {}, sender), h("span", {}, to)) : null,
    h("div", { class: "screen", lang: "ko" }, ...inside),
  ];
}

/** What a message cannot do, or did not: a sentence with what to do about it. */
export function because(reason) {
  return [said(reason.message), said(reason.action)].filter(Boolean).join(" ");
}

export function tag(state) {
  return h("span", { class: `tag ${state}` }, t(`state_${state}`));
}

/** Who gets a message. */
export function whom({ name, recipient, phone: digits }) {
  const whose = recipient ? t(recipient) : "";
  return h("span", { class: "whom" },
    name ? h("strong", {}, name) : null,
    h("small", {}, [whose, digits].filter(Boolean).join(" · ").replaceAll("-", "\u2011")));
}

/** The messages of a campaign: filtered by state, searched by student, a page at a time. */
export class Rows {
  constructor(box, base, { states, open = null }) {
    Object.assign(this, { base, open, shown: [], next: null, asked: 0 });
    this.filter = h("select", { "aria-label": t("state"), onchange: () => this.load() },
      h("option", { value: "" }, t("show_all")),
      states.map((state) => h("option", { value: state }, t(`state_${state}`))));
    this.search = h("input", {
      type: "search", maxlength: 40, placeholder: t("search"), "aria-label": t("search"),
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.load(), SEARCH_MS);
      },
    });
    this.body = h("tbody");
    this.more = h("button", { type: "button", hidden: true, onclick: () => this.load(true) },
      t("more"));
    this.none = h("p", { class: "dim", role: "status", hidden: true }, t("none_found"));
    const heads = [t("number"), t("recipient"), t("state"), t("price")];
    const head = heads.map((text, index) => h("th", { class: index === 0 || index === 3 ? "n" : null }, text));
    box.replaceChildren(
      h("div", { class: "filters" }, this.filter, this.search),
      h("div", { class: "scroll" }, h("table", { class: "rows" },
        h("thead", {}, h("tr", {}, head)), this.body)),
      this.none, this.more);
  }

  /** The first page, or the one behind what is shown. */
  async load(further = false) {
    await this.ask(further ? this.next : null, LIMIT, further);
  }

  /** What is shown, as it is now. */
  async refresh() {
    await this.ask(null, Math.min(MOST, Math.max(LIMIT, this.shown.length)), false);
  }

  async ask(cursor, limit, further) {
    const turn = ++this.asked;
    const query = new URLSearchParams({ limit: String(limit) });
    if (this.filter.value) query.set("state", this.filter.value);
    if (this.search.value.trim()) query.set("q", this.search.value.trim());
    if (cursor) query.set("cursor", cursor);
    try {
      const page = await call("GET", `${this.base}/messages?${query}`);
      if (turn !== this.asked) return;
      this.shown = further ? [...this.shown, ...page.items] : page.items;
      this.next = page.next_cursor;
      this.draw();
    } catch (error) {
      if (turn === this.asked) report(error);
    }
  }

  draw() {
    const focused = document.activeElement?.dataset?.message;
    this.body.replaceChildren(...this.shown.map((one) => this.row(one)));
    if (focused) this.body.querySelector(`[data-message="${focused}"]`)?.focus();
    this.more.hidden = this.next === null;
    this.none.hidden = this.shown.length > 0;
  }

  row(one) {
    const why = one.reason ? h("small", { class: "why" }, said(one.reason.message)) : null;
    const price = one.price ?? one.price_most;
    const name = this.open
      ? h("button", {
        type: "button", class: "quiet", dataset: { message: one.id }, title: t("why"),
        onclick: () => this.open(one.id),
      }, whom(one))
      : whom(one);
    return h("tr", { class: one.state },
      h("td", { class: "n" }, figure(one.number)), h("td", {}, name),
      h("td", {}, tag(one.state), why), h("td", { class: "n" }, price ? figure(price) : "–"));
  }
}

/** All that happened to one message. */
export function story(trace) {
  const steps = trace.events.map((event) => h("li", {},
    h("span", { class: "when" }, exact.format(new Date(event.at))),
    h("span", {}, tag(event.state), " ", h("small", {}, t(`source_${event.source}`)),
      h("br"), said(event.message),
      event.reason ? h("p", { class: "why" }, because(event.reason)) : null,
      event.provider_code && !event.reason ? h("p", { class: "dim" }, t("code", { code: event.provider_code })) : null)));
  const facts = [
    [t("type"), t(`type_${trace.sent_as ?? trace.type}`)],
    [t("price"), trace.price === null ? "–" : won(trace.price)],
    [t("provider"), [trace.provider, trace.provider_id].filter(Boolean).join(" · ") || "–"],
  ];
  return [
    h("p", { class: "standing" }, said(trace.standing)),
    h("div", { class: "phone small" }, ...phone("", "", bubble(trace))),
    h("dl", { class: "facts" }, facts.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]).flat()),
    h("ol", { class: "story" }, steps),
  ];
}
