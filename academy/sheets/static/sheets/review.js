// The review: one doubtful thing at a time, settled with a key, saved at once.
import { Problem, h, hush, keyOf, report, t, toast } from "../desk/desk.js";
import { Queue } from "./review-queue.js";
import { kindOf, said } from "./review-items.js";
import { deed, key, picture, spot } from "./review-parts.js";
import { SecondReading } from "./review-again.js";

const root = document.getElementById("review");
const box = document.getElementById("item");
const sheet = document.getElementById("sheet");
const help = document.getElementById("help");

function show(id, text, hidden = false) {
  Object.assign(document.getElementById(id), { textContent: text, hidden });
}

let shown = null;
let quarrel = null;
let large = false;
let done = false;
const refreshed = new Map();
const warmed = new Set();

const queue = new Queue(root.dataset.base, () => {
  state();
  const item = queue.current;
  if (item !== shown || (item?.conflict ?? null) !== quarrel || item?.problem) render();
});

/** What an item can do with the page. */
const act = {
  base: root.dataset.base,
  writes: "write" in root.dataset,
  several: null,
  say: (text) => toast(text, "warn"),
  choose(value) {
    if (act.several === null) {
      act.settle([value]);
      return;
    }
    const others = act.several.filter((one) => one !== value);
    act.several = others.length < act.several.length ? others : [...others, value].sort();
    render(true);
  },
  toggleSeveral() {
    if (!act.writes) return;
    if (act.several !== null) act.settle(act.several);
    else {
      act.several = [...(queue.current.decided?.value ?? queue.current.read)];
      render(true);
    }
  },
  accept() {
    const item = queue.current;
    if (act.several !== null) act.settle(act.several);
    else kindOf(item).accept?.(item, act);
  },
  settle(value) {
    if (!act.writes) { act.say(t("read_only")); return; }
    queue.decide(queue.current, value);
    move(() => queue.goOpen());
  },
  rename(twin, student) {
    queue.rename(queue.current, twin, student);
    move(() => queue.goOpen());
  },
  async refresh(scan) {
    // Links to pictures work for an hour; a picture that is gone is not asked for again and again.
    if (performance.now() - (refreshed.get(scan.id) ?? -Infinity) < 60_000) return;
    refreshed.set(scan.id, performance.now());
    await queue.refresh(scan.id).then(() => render(true), report);
  },
};

async function move(how) {
  act.several = null;
  hush();
  try {
    await how();
  } catch (error) {
    report(error);
  }
  render();
}

function undo() {
  const item = queue.undo();
  if (!item) { act.say(t("nothing_to_undo")); return; }
  toast(t("undone"));
  act.several = null;
  render(true);
}

// ---------------------------------------------------------------- drawing

function state() {
  const total = queue.left + queue.settled;
  const bar = document.getElementById("progress");
  bar.max = Math.max(1, total);
  bar.value = queue.settled;
  show("count", t("count", { done: queue.settled, total }), total === 0);
  const saving = queue.unsent ? t("saving") : t("saved");
  show("saved", queue.retrying ? t("retrying") : saving, total === 0 || !act.writes);
  document.getElementById("saved").className = `tag ${queue.retrying ? "bad" : "idle"}`;
  show("changed", t("changed_scores", { count: queue.changedScores }), queue.changedScores === 0);
}

function render(same = false) {
  const item = queue.current;
  const typed = same ? document.getElementById("written")?.value : null;
  shown = item;
  quarrel = item?.conflict ?? null;
  done = item === null;
  root.classList.toggle("alone", done || Boolean(kindOf(item).wide));
  box.replaceChildren(...(done ? finished() : content(item)).filter(Boolean));
  if (typed) document.getElementById("written").value = typed;
  drawSheet(item);
  state();
  if (item?.problem) {
    const text = item.problem.code === "scan_changed" ? t("other_changed") : item.problem.text;
    item.problem = null;
    toast(text ?? "", "bad");
  }
  if (!same) box.focus({ preventScroll: true });
  for (const ahead of queue.items.slice(queue.at + 1, queue.at + 4)) warm(ahead);
}

function content(item) {
  const kind = kindOf(item);
  return [
    h("div", { class: "item-head" },
      h("div", {}, h("h2", {}, kind.title(item)), h("p", { class: "dim" }, about(item))),
      h("div", { class: "item-nav" },
        arrow("↶", t("undo"), undo, queue.past.length === 0),
        arrow("←", t("previous"), () => step(-1), queue.at === 0),
        arrow("→", t("next"), () => step(1), false))),
    item.conflict ? conflict(item) : null,
    ...kind.body(item, act),
    item.decided ? settled(item) : null,
  ];
}

function arrow(sign, title, onclick, disabled) {
  return h("button", { type: "button", title, "aria-label": title, disabled, onclick }, sign);
}

function about({ scan }) {
  return [scan.student?.name, t("page_of", scan)].filter(Boolean).join(" · ");
}

function settled(item) {
  const text = t("settled_as", { value: said(item, item.decided.value) });
  return h("p", { class: "settled-line" }, h("span", { class: "tag good" }, text));
}

function conflict(item) {
  const { by, now, mine } = item.conflict;
  const who = by.split("/").pop() || "?";
  const text = t("by", { by: who, now: said(item, now), mine: said(item, mine) });
  const theirs = () => {
    queue.concede(item);
    move(() => queue.goOpen());
  };
  return h("div", { class: "banner warn", role: "alert" },
    h("p", {}, h("strong", {}, t("conflict")), " ", text),
    h("div", { class: "deeds" },
      deed(act, t("theirs"), theirs, { class: "strong" }),
      deed(act, t("mine"), () => act.settle(mine))));
}

function finished() {
  const svg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
  const [sign, path] = [svg("svg"), svg("path")];
  path.setAttribute("d", "M10 25l10 10 18-22");
  sign.setAttribute("viewBox", "0 0 48 48");
  sign.setAttribute("class", "sign good");
  sign.setAttribute("aria-hidden", "true");
  sign.append(path);
  const back = h("button", { type: "button", class: "quiet", onclick: undo }, t("undo"), key("U"));
  return [h("div", { class: "empty-state" },
    sign, h("h2", {}, t("done")), h("p", { class: "dim" }, t("done_text")),
    h("p", {}, h("a", { class: "button strong", href: act.base }, t("scores"))),
    queue.past.length ? h("p", {}, back) : null)];
}

/** The whole page with a light on the place; it is kept while the page stays the same. */
function drawSheet(item) {
  const isShown = item !== null && !kindOf(item).wide && item.scan.overlay && item.place;
  sheet.hidden = !isShown;
  if (!isShown) return;
  const { scan, place } = item;
  if (sheet.dataset.src !== scan.overlay) {
    sheet.dataset.src = scan.overlay;
    const image = picture(scan.overlay, t("sheet"), scan, act);
    image.addEventListener("load", light);
    const paper = h("div", { class: "paper-inner" }, image, spot("spot", place));
    sheet.replaceChildren(
      h("div", { class: "sheet-head" }, h("span", {}, t("page_of", scan)),
        h("button", { type: "button", onclick: enlarge }, t("zoom"), key("Z"))),
      h("div", { class: "paper", tabindex: "0", role: "region", "aria-label": t("sheet") }, paper));
  }
  sheet.querySelector(".paper").classList.toggle("large", large);
  sheet.querySelector(".spot").replaceWith(spot("spot", place));
  light();
}

/** Bring the place into the middle. */
function light() {
  const paper = sheet.querySelector(".paper");
  const lit = sheet.querySelector(".spot");
  paper.scrollTo(
    lit.offsetLeft - (paper.clientWidth - lit.offsetWidth) / 2,
    lit.offsetTop - (paper.clientHeight - lit.offsetHeight) / 2);
}

function enlarge() {
  large = !large;
  if (sheet.hidden) return;
  sheet.querySelector(".paper").classList.toggle("large", large);
  light();
}

/** Fetch a picture before it is needed. */
function warm({ crop, scan }) {
  for (const src of [crop, scan.overlay]) {
    if (src && !warmed.has(src)) {
      warmed.add(src);
      new Image().src = src;
    }
  }
}

// ---------------------------------------------------------------- keys

const step = (by) => move(() => queue.go(queue.at + by));

const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => { if (!done) step(1); },
  u: undo,
  z: enlarge,
  "?": () => help.showModal(),
};

function press(event) {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (target.type === "search") return;
  const name = keyOf(event);
  // A button or link that has the focus is pressed by these, as everywhere.
  if ((name === "Enter" || name === " ") && target.closest?.("button, a")) return;
  const written = document.getElementById("written");
  if (KEYS[name]) {
    KEYS[name]();
  } else if (done || (written && target === written && name === "Enter")) {
    return;
  } else if (written && /^[0-9]$/.test(name)) {
    // The digit follows the focus.
    written.focus();
    return;
  } else if (!kindOf(queue.current).press(queue.current, name, act)) {
    return;
  }
  event.preventDefault();
}

document.addEventListener("keydown", press);
document.getElementById("help-open").addEventListener("click", () => help.showModal());
addEventListener("beforeunload", (event) => { if (queue.unsent) event.preventDefault(); });

const offered = document.getElementById("again");
if (offered) {
  const again = new SecondReading(offered, root.dataset.base, () => move(() => queue.reload()));
  again.look().catch(report);
}

box.append(h("p", { class: "dim" }, t("loading")));
queue.go(0).then(() => render(), (error) => {
  if (!(error instanceof Problem)) throw error;
  box.replaceChildren(h("p", { class: "banner bad", role: "alert" }, error.text));
});
