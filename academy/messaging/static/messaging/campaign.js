// A campaign: how far it is, what became of whom, and the switches.
import { Problem, call, during, h, report, t, toast } from "../desk/desk.js";
import { Rows, at, because, data, figure, said, story, tag, won } from "./parts.js";

const LIVE_MS = 1500;
const CALM_MS = 10_000;
const STATES = [
  "queued", "sending", "sent", "delivered", "failed", "unknown", "suppressed", "cancelled",
  "blocked", "draft",
];
const by = (id) => document.getElementById(id);
let now = data.now;
let etag = "";

const rows = new Rows(by("rows"), data.base, { states: STATES, open: show });

// ---------------------------------------------------------------- how far it is

function draw() {
  const total = Object.values(now.states).reduce((sum, count) => sum + count, 0);
  const done = Math.round(now.progress * total);
  by("progress").value = now.progress;
  by("count").textContent = t("done_of", { done: figure(done), total: figure(total) });
  by("state").textContent = t(`campaign_${now.state}`);
  by("state").className = `tag ${now.state}`;
  const money = [[t("paid"), won(now.price_paid)], [t("held"), won(now.price_held)]];
  const counts = STATES.filter((state) => now.states[state])
    .map((state) => [t(`state_${state}`), figure(now.states[state])]);
  by("figures").replaceChildren(...[...counts, ...money].map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  reasons();
  note();
  const shows = (id, yes) => { if (by(id)) by(id).hidden = !yes; };
  shows("pause", ["sending", "scheduled"].includes(now.state));
  shows("resume", now.state === "paused");
  shows("cancel", ["sending", "scheduled", "paused"].includes(now.state));
}

function reasons() {
  if (!now.reasons.length) {
    by("reasons").replaceChildren(h("p", { class: "dim" }, t("reasons_none")));
    return;
  }
  const lines = now.reasons.map(({ state, count, reason }) => h("tr", { class: state },
    h("td", { class: "n" }, h("strong", {}, figure(count))), h("td", {}, tag(state)),
    h("td", {}, said(reason.message), said(reason.action) ? h("small", { class: "why" }, said(reason.action)) : null)));
  by("reasons").replaceChildren(h("table", { class: "reasons" }, h("tbody", {}, lines)));
}

function note() {
  const waits = now.next_due_at && new Date(now.next_due_at) > new Date();
  const text = [
    now.on_hold ? t("on_hold") : "", waits ? t("at", { at: at(now.next_due_at) }) : "",
  ].filter(Boolean).join(" ");
  if (by("note").textContent !== text) by("note").textContent = text;
  by("note").hidden = !text;
}

/** Ask for what changed; nothing is drawn anew where nothing did. */
async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`${data.base}/state`, {
        cache: "no-store", credentials: "same-origin", redirect: "error",
        headers: { Accept: "application/json", ...(etag ? { "If-None-Match": etag } : {}) },
      });
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") ?? "";
        now = await answer.json();
        draw();
        rows.refresh();
      } else if (answer.status >= 400 && answer.status < 500) {
        // The visit has ended; `call` says so in words.
        await call("GET", `${data.base}/state`);
      }
    } catch (error) {
      if (error instanceof Problem) {
        report(error);
        return;
      }
      if (!(error instanceof TypeError)) throw error;
      // No connection: the next turn tries again.
    }
  }
  if (now.followed) setTimeout(look, now.state === "sending" ? LIVE_MS : CALM_MS);
}

// ---------------------------------------------------------------- the switches

function deed(id, act) {
  by(id)?.addEventListener("click", (event) => act(event.currentTarget));
}

async function told(path) {
  now = await call("POST", `${data.base}/${path}`);
  etag = "";
  draw();
  rows.refresh();
}

deed("pause", (button) => during(button, () => told("pause")));
deed("resume", (button) => during(button, async () => {
  await told("resume");
  setTimeout(look, LIVE_MS);
}));
deed("cancel", () => {
  const waiting = now.states.queued ?? 0;
  const gone = ["sending", "sent", "delivered", "failed", "unknown"]
    .reduce((sum, state) => sum + (now.states[state] ?? 0), 0);
  by("cancel-numbers").textContent = waiting
    ? t("cancel_numbers", { count: figure(waiting), amount: figure(now.back) })
    : t("cancel_none");
  by("cancel-gone").textContent = gone ? t("cancel_gone", { count: figure(gone) }) : "";
  by("cancel-ask").returnValue = "";
  by("cancel-ask").showModal();
});
by("cancel-ask").addEventListener("close", (event) => {
  if (event.currentTarget.returnValue === "yes") during(by("cancel"), () => told("cancel"));
});

// ---------------------------------------------------------------- one message

async function show(id) {
  try {
    const trace = await call("GET", `${data.base}/messages/${id}`);
    by("trace-title").textContent = [t("row", { number: trace.number }), trace.name, trace.phone]
      .filter(Boolean).join(" · ");
    by("trace-body").replaceChildren(...story(trace).flat());
    if (!by("trace").open) by("trace").showModal();
    by("trace-title").focus();
    history.replaceState(null, "", `#${id}`);
  } catch (error) {
    report(error);
  }
}

by("trace").addEventListener("close", () => history.replaceState(null, "", location.pathname));

draw();
rows.load();
if (/^#[0-9a-f-]{36}$/.test(location.hash)) show(location.hash.slice(1));
if (now.followed) setTimeout(look, LIVE_MS);
