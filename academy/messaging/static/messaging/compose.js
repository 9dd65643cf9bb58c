// Write a campaign: what it would be is measured while it is written, and nothing goes out by it.
import { call, during, h, t } from "../desk/desk.js";
import { Confirming } from "./confirming.js";
import { Measurer } from "./measurer.js";
import { at, because, bubble, data, figure, phone, said, whom, won } from "./parts.js";
import { Who } from "./who.js";

const TITLE_CHARS = 40;
const VARIABLE = /#\{([^{}#\n]{1,40})\}/g;
const by = (id) => document.getElementById(id);
const form = by("form");
const picked = (name) => form.querySelector(`[name="${name}"]:checked`).value;
const values = new Map();
let measured = null;
let example = 0;

const who = new Who(() => changed());
const measurer = new Measurer(`${data.root}/compose/measure`, () => asked({ sample: true }), told);
const confirming = new Confirming(asked);

// ---------------------------------------------------------------- what is asked for

const chosen = () => data.templates.find((one) => one.id === by("template").value) ?? null;

function names() {
  const template = chosen();
  if (template) return template.variables;
  const text = `${by("subject").value}\n${by("body").value}`;
  return [...new Set([...text.matchAll(VARIABLE)].map((match) => match[1].trim()))];
}

/** The campaign as it stands; null where there is no text yet. */
function asked({ sample = false } = {}) {
  const template = chosen();
  const body = by("body").value;
  if (!template && !body.trim()) return null;
  const when = { by: picked("when") };
  if (when.by === "at") {
    if (by("at").value) when.at = `${by("at").value}:00+09:00`;
    else when.by = "now";
  }
  const mine = names().filter((name) => values.get(name));
  return {
    title: title(template, body), who: who.asked({ sample }), when,
    variables: Object.fromEntries(mine.map((name) => [name, values.get(name)])),
    ...(template
      ? { template: template.id, fallback: by("fallback").checked }
      : { text: { subject: by("subject").value, body }, purpose: picked("purpose") }),
  };
}

function title(template, body) {
  const line = body.trim().split("\n")[0].replaceAll(VARIABLE, "○○");
  const own = by("title").value.trim() || template?.name || line;
  return [...own].slice(0, TITLE_CHARS).join("");
}

// ---------------------------------------------------------------- what it would be

function changed() {
  const template = chosen();
  by("own").hidden = template !== null;
  by("fallback-label").hidden = !template?.fallback;
  by("at-line").hidden = picked("when") !== "at";
  drawValues();
  by("preview").disabled = true;
  if (measured) by("measure").setAttribute("aria-busy", "true");
  measurer.want();
}

/** A field for each variable that the recipients do not bring with them. */
function drawValues() {
  const wanted = names().filter((name) => !who.brings.includes(name));
  const box = by("values");
  for (const line of [...box.children]) {
    if (!wanted.includes(line.dataset.name)) line.remove();
  }
  for (const name of wanted) {
    if ([...box.children].some((line) => line.dataset.name === name)) continue;
    const field = h("input", {
      maxlength: 500, value: values.get(name) ?? "",
      oninput: (event) => { values.set(name, event.target.value); changed(); },
    });
    box.append(h("label", { class: "stack", dataset: { name } },
      h("span", {}, t("value_of", { name })), field));
  }
}

function told(answer, problem) {
  if (problem) {
    by("measure").replaceChildren(notice("warn", problem.status ? problem.text : t("offline")));
    by("preview").disabled = true;
    return;
  }
  measured = answer;
  by("measure").removeAttribute("aria-busy");
  by("measure").replaceChildren(...(answer ? figures(answer) : [h("p", { class: "dim" }, t("no_text"))]));
  by("preview").disabled = !answer || answer.error !== null || answer.count === 0
    || confirming.busy;
  example = Math.min(example, Math.max(0, (answer?.samples?.length ?? 0) - 1));
  drawPhone();
}

const notice = (tone, ...inside) => h("div", { class: `banner ${tone}` }, ...inside);

function figures(answer) {
  if (answer.error) return [notice("bad", because(answer.error))];
  const first = answer.samples[0];
  const people = h("p", { class: "people" }, h("strong", {}, t("people", { count: figure(answer.count) })));
  return [
    answer.count ? people : notice("", t("choose_whom")),
    first ? meter(first) : null,
    answer.count ? price(answer) : null,
    answer.purpose === "ad" ? h("p", { class: "dim" }, t("ad_added")) : null,
    h("p", {}, begins(answer.begins)),
    isPast() ? notice("warn", t("past")) : null,
    answer.rendered < answer.count
      ? h("p", { class: "dim" }, t("of_sample", { rendered: figure(answer.rendered), count: figure(answer.count) }))
      : null,
    ...problems(answer),
  ].filter(Boolean);
}

/** How full the message is, as carriers count. */
function meter({ type, length }) {
  const limit = data.limits[type];
  const text = t(type === "alimtalk" ? "chars" : "bytes", { length: figure(length), limit: figure(limit) });
  return h("div", { class: "meter" },
    h("div", { class: "meter-line" }, h("span", { class: "tag" }, t(`type_${type}`)),
      h("span", { id: "length", class: "n" }, text), h("span", { class: "n" }, won(data.prices[type]))),
    h("progress", { max: limit, value: length, "aria-hidden": "true" }));
}

function price({ price_expected: expected, price_most: most, credit }) {
  const upTo = most > expected ? ` (${t("most_price", { amount: figure(most) })})` : "";
  const short = credit.after < 0;
  return h("div", { class: "price" },
    h("p", {}, h("strong", { id: "total" }, t("in_all", { amount: figure(expected) })), upTo),
    h("p", { class: short ? "why" : "dim" }, short
      ? t("credit_short", { amount: figure(-credit.after) })
      : t("after", { amount: figure(credit.after) })));
}

function begins({ at: moment, deferred }) {
  if (deferred) return t("at_night", { at: at(moment) });
  return moment ? t("begins_at", { at: at(moment) }) : t("begins_now");
}

function isPast() {
  return picked("when") === "at" && by("at").value
    && new Date(`${by("at").value}:00+09:00`) <= new Date();
}

function problems({ states, problems: rows, count }) {
  const notices = [];
  if (states.blocked) notices.push(notice("bad", t("blocked_rows", { count: figure(states.blocked) })));
  if (states.suppressed) notices.push(notice("warn", t("left_out", { count: figure(states.suppressed) })));
  if (!rows.length) return notices;
  const lines = rows.map((one) => h("li", { class: one.state },
    count ? h("strong", {}, t("row", { number: figure(one.number) })) : null,
    one.name || one.phone ? whom(one) : null,
    h("span", { class: "why" }, because(one.reason))));
  return [...notices, h("ul", { class: "problems" }, lines)];
}

function drawPhone() {
  const samples = measured?.samples ?? [];
  const one = samples[example];
  const to = one && measured.count ? [one.name, one.phone].filter(Boolean).join(" · ") : "";
  by("phone").replaceChildren(...phone(data.sender, to, one ? bubble(one).filter(Boolean) : []));
  for (const id of ["before", "behind"]) by(id).disabled = samples.length < 2;
  let text = "";
  if (one && measured.count) text = t("row", { number: figure(one.number) });
  else if (one) text = t("example");
  by("example").textContent = text;
}

function turn(step) {
  const { length } = measured?.samples ?? [];
  if (!length) return;
  example = (example + step + length) % length;
  drawPhone();
}

// ---------------------------------------------------------------- the form

for (const template of data.templates) {
  by("template").append(h("option", { value: template.id },
    template.channel === "alimtalk" ? `${template.name} · ${t("type_alimtalk")}` : template.name));
}
form.addEventListener("submit", (event) => event.preventDefault());
for (const id of ["subject", "body", "at"]) by(id).addEventListener("input", changed);
for (const id of ["template", "fallback"]) by(id).addEventListener("change", changed);
for (const input of form.querySelectorAll('[name="purpose"], [name="when"]')) {
  input.addEventListener("change", changed);
}
let last = by("body");
for (const id of ["subject", "body"]) by(id).addEventListener("focus", () => { last = by(id); });
for (const button of form.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    last.setRangeText(`#{${button.dataset.insert}}`, last.selectionStart, last.selectionEnd, "end");
    last.focus();
    changed();
  });
}
by("before").addEventListener("click", () => turn(-1));
by("behind").addEventListener("click", () => turn(1));
by("preview").addEventListener("click", (event) => {
  const button = event.currentTarget;
  measurer.stop();
  // Thousands take some seconds.
  button.textContent = t("preparing", { count: figure(measured.count) });
  during(button, () => confirming.open()).finally(() => { button.textContent = t("preview"); });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !by("preview").disabled
    && !by("confirm").open) {
    event.preventDefault();
    by("preview").click();
  }
});
addEventListener("beforeunload", (event) => {
  if (by("body").value.trim() && !confirming.leaving) event.preventDefault();
});

changed();
drawPhone();
