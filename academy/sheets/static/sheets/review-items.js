// How each kind of doubt is shown, and which keys settle it. `act` is what the page can do.
import { h, lang, t } from "../desk/desk.js";
import { crop, deed, finder, marked, person, picture, spot } from "./review-parts.js";

const WHY = {
  ambiguous: "read_ambiguous", low_confidence: "read_low_confidence", error: "read_error",
};

/** Values as people say them: "2", "1, 4", or that it is blank. */
export function said(item, value) {
  if (value === null || value === undefined) return t("read_nothing");
  if (value === "discard" || value === true) return t("discarded");
  if (Array.isArray(value)) return value.length ? value.join(", ") : t("blank");
  if (item.what === "student") {
    const known = [...item.candidates, ...(item.found ?? [])].find(({ id }) => id === value);
    return known?.name ?? t("student");
  }
  const twin = item.twins?.find(({ id }) => id === value);
  return twin ? t("page_of", twin) : String(value);
}

// ---------------------------------------------------------------- an answer

function reading(item) {
  const values = item.read.join(", ");
  const percent = Math.round(item.confidence * 100);
  return h("p", { class: "reading" },
    h("strong", {}, values ? t("read_as", { value: values }) : t("read_nothing")),
    WHY[item.read_as] ? h("span", { class: "tag warn" }, t(WHY[item.read_as])) : null,
    h("span", { class: "dim" }, t("certain", { percent })));
}

/** What Enter settles: what was read, unless that is no number. */
function accepted(item) {
  return item.digits && item.read_as === "ambiguous" && !item.read.length ? null : item.read;
}

function answerDeeds(item, act) {
  const accept = accepted(item);
  const text = accept?.length ? t("accept", { value: accept.join(", ") }) : t("accept_blank");
  const several = act.several === null ? t("multi") : t("multi_done");
  const pressed = String(act.several !== null);
  return h("div", { class: "deeds" },
    accept && deed(act, text, () => act.accept(), { name: "Enter", class: "strong" }),
    deed(act, t("blank"), () => act.settle([]), { name: "Space" }),
    item.digits ? null
      : deed(act, several, () => act.toggleSeveral(), { name: "M", "aria-pressed": pressed }));
}

function choices(item, act) {
  const pressed = act.several ?? item.decided?.value ?? [];
  const numbers = Array.from({ length: item.choices }, (_, index) => index + 1);
  return h("div", { class: "choices", role: "group", "aria-label": t("question", item) },
    numbers.map((value) => deed(act, String(value), () => act.choose(value), {
      class: item.read.includes(value) ? "read" : null,
      "aria-pressed": String(pressed.includes(value)),
    })));
}

/** The field for a number: digits go into it wherever the focus is. */
function written(item, act) {
  const most = 10 ** item.digits - 1;
  const field = h("input", {
    id: "written", inputmode: "numeric", autocomplete: "off", maxlength: item.digits,
    "aria-label": t("number"), placeholder: item.read[0] ?? "—", disabled: !act.writes,
    oninput() { field.value = field.value.replace(/\D/g, ""); },
  });
  const onsubmit = (event) => {
    event.preventDefault();
    if (field.value === "") act.accept();
    else if (Number(field.value) > most) act.say(t("number_wrong", { most }));
    else act.settle([Number(field.value)]);
  };
  return h("form", { class: "written", onsubmit },
    field, h("button", { class: "strong", disabled: !act.writes }, t("settle")));
}

const ANSWER = {
  title: (item) => t("question", item),
  body(item, act) {
    const part = crop(item, t("crop", item), act);
    if (!item.digits) return [part, reading(item), choices(item, act), answerDeeds(item, act)];
    const beside = h("div", {}, reading(item), written(item, act), answerDeeds(item, act));
    return [h("div", { class: "identity" }, part, beside)];
  },
  press(item, name, act) {
    if (name === " ") act.settle([]);
    else if (name === "Enter") act.accept();
    else if (name === "m" && !item.digits) act.toggleSeveral();
    else if (/^[1-9]$/.test(name) && Number(name) <= item.choices) act.choose(Number(name));
    else return false;
    return true;
  },
  accept(item, act) {
    const accept = accepted(item);
    if (accept === null) act.say(t("accept_hint"));
    else act.settle(accept);
  },
};

// ---------------------------------------------------------------- whose page it is

const STUDENT = {
  title: () => t("student"),
  body(item, act) {
    const choose = (student) => {
      item.found = [...(item.found ?? []), student];
      act.settle(student.id);
    };
    const candidates = item.candidates.map((one, index) => person(one, act, choose, index));
    return [
      h("div", { class: "identity" }, crop(item, t("crop_number"), act), h("div", {},
        h("p", { class: "reading" }, h("span", { class: "digits" }, marked(item.digits)),
          item.match ? h("span", { class: "dim" }, t(`match_${item.match}`)) : null),
        candidates.length ? h("h3", {}, t("candidates")) : null,
        h("ul", { class: "people" }, candidates),
        finder(item.scan, act, choose))),
      h("div", { class: "deeds" },
        deed(act, t("discard"), () => act.settle("discard"), { name: "D", class: "danger" })),
    ];
  },
  press(item, name, act) {
    const candidate = /^[1-9]$/.test(name) && item.candidates[name - 1];
    if (candidate) act.settle(candidate.id);
    else if (name === "/") document.querySelector("#item input[type=search]").focus();
    else if (name === "d") act.settle("discard");
    else if (name === "Enter") act.accept();
    else return false;
    return true;
  },
  accept(item, act) {
    const same = item.candidates.filter((student) => student.number === item.digits);
    if (same.length === 1) act.settle(same[0].id);
    else act.say(t("choose_first"));
  },
};

// ---------------------------------------------------------------- the same page twice

function twinOf(item, twin, index, act) {
  const { scan, places } = item;
  const otherStudent = ({ currentTarget: pressed }) => {
    const found = finder(scan, act, (student) => act.rename(twin, student));
    pressed.replaceWith(found);
    found.querySelector("input").focus();
  };
  const differs = twin.differs.length
    ? t("differs", { questions: twin.differs.join(", ") }) : t("same_answers");
  const about = [
    index === 0 ? null : differs,
    twin.doubtful ? t("doubtful", { count: twin.doubtful }) : null,
  ];
  return h("section", { class: "twin" },
    h("h3", {}, t("page_of", twin)),
    twin.overlay
      ? h("div", { class: "paper-inner" }, picture(twin.overlay, t("page_of", twin), scan, act),
        places.map((place) => spot("differs", place)))
      : h("p", { class: "dim" }, t("no_picture")),
    h("p", { class: "dim" }, about.filter(Boolean).join(" · ")),
    h("div", { class: "deeds" },
      deed(act, t("counts_this"), () => act.settle(twin.id), { name: index + 1, class: "strong" }),
      deed(act, t("other_student"), otherStudent)));
}

const DUPLICATES = {
  wide: true,
  title: () => t("duplicates"),
  body(item, act) {
    const { scan, twins } = item;
    const about = { count: twins.length, page: scan.page, name: scan.student?.name ?? "" };
    return [
      h("p", {}, t("duplicates_text", about)),
      h("div", { class: "twins" }, twins.map((twin, index) => twinOf(item, twin, index, act))),
    ];
  },
  press(item, name, act) {
    const twin = /^[1-9]$/.test(name) && item.twins[name - 1];
    if (!twin) return false;
    act.settle(twin.id);
    return true;
  },
};

// ---------------------------------------------------------------- a page that could not be read

const UNREADABLE = {
  wide: true,
  title: () => t("unreadable"),
  body({ scan, error }, act) {
    const href = `${act.base}/review/scans/${scan.id}/file`;
    return [
      h("p", {}, h("strong", {}, error.message[lang])),
      h("p", { class: "dim" }, error.action[lang]),
      h("div", { class: "deeds" },
        h("a", { class: "button", href, target: "_blank", rel: "noopener" }, t("file")),
        deed(act, t("discard"), () => act.settle(true), { name: "D", class: "danger" })),
    ];
  },
  press(item, name, act) {
    if (name !== "d") return false;
    act.settle(true);
    return true;
  },
};

const KINDS = { student: STUDENT, duplicates: DUPLICATES, unreadable: UNREADABLE };

/** How an item is shown and settled: `title`, `body`, `press`, `accept`. */
export const kindOf = (item) => KINDS[item.what] ?? ANSWER;
