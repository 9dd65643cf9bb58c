// The correction page: boxes over the pages, moved by mouse, finger and keyboard.

import { Boxes, nameOf } from "./boxes.js";
import { Problem, call, during, h, keyOf, report, t, toast } from "../desk/desk.js";

const $ = (id) => document.getElementById(id);
const workplace = $("workplace");
const mayWrite = "write" in workplace.dataset;
const boxes = new Boxes();
const papers = new Map();
const EDGES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const PLACES = { n: [50, 0], s: [50, 100], w: [0, 50], e: [100, 50] };
const STEP = 4;
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
let selected = null; // {id, place}
let drawing = null; // null, or {item} where a part is added
let typed = null; // the step back of the number that is being written

// ---- showing

function showPages() {
  papers.clear();
  $("pages").replaceChildren(...[...boxes.pages.values()].map((page) => {
    const paper = h("div", { class: "paper", dataset: { page: page.number } },
      page.url ? h("img", { src: page.url, alt: t("page", { number: page.number }), loading: "lazy", draggable: "false" })
        : h("p", { class: "no-picture" }, t("no_picture")));
    paper.style.aspectRatio = `${page.width} / ${page.height}`;
    papers.set(page.number, paper);
    return h("section", { class: "sheet-page" }, h("h2", {}, t("page", { number: page.number })), paper);
  }));
}

function show({ focus = false } = {}) {
  for (const paper of papers.values()) paper.querySelectorAll(".box").forEach((box) => box.remove());
  for (const item of boxes.sorted()) {
    item.parts.forEach((part, place) => papers.get(part.page)?.append(boxElement(item, part, place)));
  }
  showList();
  showEditor();
  showState();
  if (focus) element(selected)?.focus({ preventScroll: true });
}

function element(at) {
  return at && document.querySelector(`.box[data-id="${at.id}"][data-place="${at.place}"]`);
}

function isSelected(item, place) {
  return selected !== null && selected.id === item.id && (place === undefined || selected.place === place);
}

function boxElement(item, part, place) {
  const name = nameOf(item);
  const chosen = isSelected(item, place);
  const box = h("div", {
    class: ["box", item.last === null ? "" : "shared", item.unsure ? "unsure" : "", chosen ? "selected" : ""].join(" ").trim(),
    tabindex: "0", role: "button", "aria-pressed": String(chosen), dataset: { id: item.id, place },
    "aria-label": t("box", { name, page: part.page }) + (item.unsure ? `, ${t("unsure")}` : ""),
  }, h("span", { class: "label", "aria-hidden": "true" }, place ? t("continued", { name }) : name));
  if (chosen && mayWrite) {
    for (const edge of EDGES) {
      const handle = h("span", { class: "handle", dataset: { edge } });
      const [x, y] = PLACES[edge] ?? [edge.includes("e") ? 100 : 0, edge.includes("s") ? 100 : 0];
      handle.style.left = `${x}%`;
      handle.style.top = `${y}%`;
      box.append(handle);
    }
  }
  position(box, part);
  return box;
}

function position(box, part) {
  const { width, height } = boxes.pages.get(part.page);
  const [left, top, right, bottom] = part.bbox;
  Object.assign(box.style, {
    left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
    width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
  });
}

function showList() {
  const twice = boxes.twice();
  const order = boxes.sorted();
  $("count").textContent = t("count", { count: order.filter((item) => item.last === null).length });
  $("list").replaceChildren(...order.map((item) => {
    const double = item.last === null && twice.has(item.n);
    const hint = [double ? t("twice", { name: item.n }) : "", item.unsure ? t("unsure") : ""].filter(Boolean).join(", ");
    return h("li", { class: item.last === null ? "" : "wide-item" }, h("button", {
      type: "button", class: [item.unsure ? "unsure" : "", double ? "twice" : ""].join(" ").trim(),
      "aria-current": isSelected(item) ? "true" : null, title: hint || null,
      "aria-label": hint ? `${nameOf(item)}, ${hint}` : null,
      onclick: () => choose({ id: item.id, place: 0 }, { scroll: true }),
    }, nameOf(item)));
  }));
  $("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showEditor() {
  const item = selected && boxes.find(selected.id);
  $("editor").hidden = !item || !mayWrite;
  if (!item || !mayWrite) return;
  const fields = [numberField(item, "n", item.last === null ? t("number") : t("group"))];
  if (item.last !== null) fields.push(numberField(item, "last", t("last")));
  $("editor").replaceChildren(
    h("div", { class: "fields" }, ...fields),
    h("div", { class: "deeds" },
      h("button", { type: "button", onclick: () => draw({ item: item.id }) }, t("more")),
      h("button", { type: "button", class: "danger", onclick: removeSelected }, t("delete"))),
  );
}

function numberField(item, field, label) {
  const input = h("input", {
    type: "number", inputmode: "numeric", min: "1", max: "999", step: "1", value: String(item[field]), id: `number-${field}`,
    onfocus: () => { typed = null; input.select(); },
    oninput: () => {
      const value = Number(input.value);
      if (!Number.isInteger(value) || value < 1 || value > 999) return;
      if (typed === null) { boxes.mark(); typed = item.id; }
      Object.assign(boxes.find(item.id), { [field]: value, unsure: false });
      for (const label_ of document.querySelectorAll(`.box[data-id="${item.id}"] .label`)) {
        label_.textContent = nameOf(boxes.find(item.id));
      }
      showList();
      showState();
    },
    onchange: () => {
      if (!input.checkValidity()) { toast(t("invalid"), "warn"); input.value = String(item[field]); }
    },
    onkeydown: (event) => {
      if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); show({ focus: true }); }
    },
  });
  return h("label", {}, label, input);
}

function showState() {
  const dirty = boxes.dirty;
  $("state").textContent = mayWrite ? t(dirty ? "unsaved" : "up_to_date") : "";
  $("state").className = `tag ${dirty ? "warn" : "idle"}`;
  if (!mayWrite) return;
  $("save").disabled = !dirty || boxes.items.length === 0;
  $("undo").disabled = boxes.past.length === 0;
}

function choose(at, { scroll = false, focus = true } = {}) {
  selected = at;
  show({ focus: focus && at !== null });
  if (scroll) element(at)?.scrollIntoView({ block: "center", behavior: "smooth" });
}

// ---- changing

function removeSelected() {
  if (selected === null || !mayWrite) return;
  boxes.remove(selected.id, selected.place);
  selected = null;
  show();
  toast(t("removed"));
}

function undo() {
  if (!boxes.undo()) return;
  if (selected && !boxes.find(selected.id)?.parts[selected.place]) selected = null;
  show();
  toast(t("undone"));
}

function draw(what) {
  drawing = what;
  workplace.classList.toggle("drawing", drawing !== null);
  $("add")?.setAttribute("aria-pressed", String(drawing !== null && drawing.item === undefined));
  if (drawing) toast(t("draw"));
}

/** A box in the middle of what is seen, for those who use no pointer. */
function addInView() {
  const middle = window.innerHeight / 2;
  const distance = (paper) => Math.abs((paper.getBoundingClientRect().top + paper.getBoundingClientRect().bottom) / 2 - middle);
  const paper = [...papers.values()].sort((one, other) => distance(one) - distance(other))[0];
  const page = boxes.pages.get(Number(paper.dataset.page));
  const [, y] = point(paper, page, { clientX: 0, clientY: middle });
  const [wide, tall] = [page.width * 0.35, page.height * 0.08];
  added(page, Boxes.within([page.width * 0.08, y - tall / 2, page.width * 0.08 + wide, y + tall / 2], page));
}

function added(page, bbox) {
  const item = drawing?.item === undefined ? null : boxes.find(drawing.item);
  const at = item
    ? { id: item.id, place: boxes.addPart(item.id, page.number, bbox) }
    : { id: boxes.add(page.number, bbox).id, place: 0 };
  draw(null);
  choose(at);
}

// ---- pointers

function point(paper, page, event) {
  const seen = paper.getBoundingClientRect();
  return [((event.clientX - seen.left) / seen.width) * page.width, ((event.clientY - seen.top) / seen.height) * page.height];
}

function onDown(event) {
  const paper = event.target.closest(".paper");
  if (!paper || !event.isPrimary || event.button !== 0) return;
  const page = boxes.pages.get(Number(paper.dataset.page));
  if (drawing) { event.preventDefault(); startDrawing(event, paper, page); return; }
  const box = event.target.closest(".box");
  if (!box) { if (selected) choose(null); return; }
  const at = { id: Number(box.dataset.id), place: Number(box.dataset.place) };
  const chosen = isSelected({ id: at.id }, at.place);
  // A finger that meets a box which is not chosen may only want to scroll.
  if (!mayWrite || (event.pointerType === "touch" && !chosen)) return;
  event.preventDefault();
  const edge = event.target.dataset.edge;
  if (!chosen) choose(at); else box.focus({ preventScroll: true });
  startDragging(event, paper, page, at, edge);
}

function startDragging(event, paper, page, at, edge) {
  const part = boxes.find(at.id).parts[at.place];
  const before = [...part.bbox];
  const from = point(paper, page, event);
  let moved = false;
  follow(event, paper, (next) => {
    const [x, y] = point(paper, page, next);
    const [dx, dy] = [x - from[0], y - from[1]];
    if (!moved && Math.hypot(dx, dy) < 3) return;
    if (!moved) { boxes.mark(); moved = true; }
    part.bbox = edge
      ? Boxes.resized(before, edge, before[edge.includes("w") ? 0 : 2] + dx, before[edge.includes("n") ? 1 : 3] + dy, page)
      : Boxes.within([before[0] + dx, before[1] + dy, before[2] + dx, before[3] + dy], page);
    position(element(at), part);
    showState();
  }, () => {
    if (!moved) return;
    boxes.find(at.id).unsure = false;
    show({ focus: true });
  });
}

function startDrawing(event, paper, page) {
  const from = point(paper, page, event);
  const frame = h("div", { class: "box selected" });
  paper.append(frame);
  let bbox = null;
  follow(event, paper, (next) => {
    const [x, y] = point(paper, page, next);
    const clamp = (value, most) => Math.round(Math.max(0, Math.min(most, value)));
    bbox = [
      clamp(Math.min(x, from[0]), page.width), clamp(Math.min(y, from[1]), page.height),
      clamp(Math.max(x, from[0]), page.width), clamp(Math.max(y, from[1]), page.height),
    ];
    position(frame, { page: page.number, bbox });
  }, () => {
    frame.remove();
    if (bbox && bbox[2] - bbox[0] >= 20 && bbox[3] - bbox[1] >= 20) added(page, bbox);
    else draw(null);
  });
}

function follow(event, paper, onMove, onEnd) {
  const own = (next) => next.pointerId === event.pointerId;
  const move = (next) => { if (own(next)) onMove(next); };
  const end = (next) => {
    if (!own(next)) return;
    for (const [name, listener] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]]) {
      window.removeEventListener(name, listener);
    }
    onEnd();
  };
  paper.setPointerCapture?.(event.pointerId);
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end);
  window.addEventListener("pointercancel", end);
}

// ---- keys

function onKey(event) {
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input");
  const key = keyOf(event);
  if ((event.ctrlKey || event.metaKey) && key === "s") {
    event.preventDefault();
    if (mayWrite && !$("save").disabled) $("save").click();
  } else if ((event.ctrlKey || event.metaKey) && key === "z" && !typing) {
    event.preventDefault();
    if (mayWrite) undo();
  } else if (typing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (key === "?") {
    $("help").showModal();
  } else if (key === "Escape") {
    if (drawing) draw(null); else if (selected) choose(null);
  } else if (mayWrite && key === "a") {
    event.preventDefault();
    addInView();
  } else if (event.target.closest(".box")) {
    onBoxKey(event, event.target.closest(".box"));
  }
}

function onBoxKey(event, box) {
  const at = { id: Number(box.dataset.id), place: Number(box.dataset.place) };
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(at); return; }
  if (!mayWrite) return;
  if (event.key in ARROWS) {
    event.preventDefault();
    const item = boxes.find(at.id);
    const part = item.parts[at.place];
    const page = boxes.pages.get(part.page);
    const [dx, dy] = ARROWS[event.key];
    const [left, top, right, bottom] = part.bbox;
    boxes.mark();
    part.bbox = event.shiftKey
      ? Boxes.resized(part.bbox, "es", right + dx, bottom + dy, page)
      : Boxes.within([left + dx, top + dy, right + dx, bottom + dy], page);
    item.unsure = false;
    choose(at);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    selected = at;
    removeSelected();
  } else if (/^\d$/.test(event.key)) {
    event.preventDefault();
    if (!isSelected({ id: at.id }, at.place)) choose(at);
    const input = $("number-n");
    input.focus();
    input.value = event.key;
    input.dispatchEvent(new Event("input"));
  }
}

// ---- saving

async function save() {
  $("state").textContent = t("saving");
  try {
    taken(await call("PUT", workplace.dataset.boxes, boxes.body()));
    toast(t("saved"));
  } catch (error) {
    showState();
    if (error instanceof Problem && error.code === "questions_changed") $("conflict").showModal();
    else throw error;
  }
}

function taken(body) {
  boxes.load(body);
  selected = null;
  showPages();
  show();
}

async function loadTheirs() {
  taken(await call("GET", workplace.dataset.boxes));
  $("conflict").close();
  toast(t("loaded"));
}

async function saveMine() {
  boxes.revision = (await call("GET", workplace.dataset.boxes)).revision;
  $("conflict").close();
  await save();
}

window.addEventListener("pointerdown", onDown);
window.addEventListener("keydown", onKey);
window.addEventListener("beforeunload", (event) => { if (boxes.dirty) event.preventDefault(); });
document.addEventListener("click", (event) => {
  const box = event.target.closest?.(".box");
  if (box && !drawing) {
    const at = { id: Number(box.dataset.id), place: Number(box.dataset.place) };
    if (!isSelected({ id: at.id }, at.place)) choose(at);
  }
});
$("help-open").addEventListener("click", () => $("help").showModal());
$("save")?.addEventListener("click", () => during($("save"), save).then(showState));
$("undo")?.addEventListener("click", undo);
$("add")?.addEventListener("click", (event) => {
  // Pressed by a key it has no place to draw at.
  if (event.detail === 0) addInView(); else draw(drawing ? null : {});
});
$("theirs").addEventListener("click", () => during($("theirs"), loadTheirs));
$("mine").addEventListener("click", () => during($("mine"), saveMine));

call("GET", workplace.dataset.boxes).then(taken).catch(report);
