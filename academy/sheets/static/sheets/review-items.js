// How each kind of doubt is shown, and which keys settle it. `act` is what the page can do.
import { call, h, lang, report, t } from "../desk/desk.js";

const key = (name) => h("kbd", { "aria-hidden": "true" }, name);

/** Values as people say them: "2", "1, 4", or that it is blank. */
export function said(item, value) {
  if (value === null || value === undefined) return t("read_nothing");
  if (value === "discard" || value === true) return t("discarded");
  if (Array.isArray(value)) return value.length ? value.join(", ") : t("blank");
  if (item.what === "student") {
    const known = [...item.candidates, ...(item.found ?? [])].find(({ id }) => id === value);
    return known?.name ?? t("student");
  }
  if (item.what === "duplicates") {
    const twin = item.twins.find(({ id }) => id === value);
    return twin ? t("page_of", twin) : "";
  }
  return String(value);
}

/** A part of the page in large: its own picture, or a window onto the whole page. */
function crop(item, alt, act) {
  const { scan, place } = item;
  const box = h("div", { class: "crop" });
  if (item.crop) {
    box.append(picture(item.crop, alt, scan, act));
  } else if (scan.overlay && place) {
    const [x, y, width, height] = place;
    const image = picture(scan.overlay, alt, scan, act);
    box.classList.add("window");
    box.append(image);
    // Percentages of the box, whose shape is that of the part.
    box.style.aspectRatio = String((width * scan.shape) / height);
    image.style.width = `${100 / width}%`;
    image.style.height = `${100 / height}%`;
    image.style.left = `${(-100 * x) / width}%`;
    image.style.top = `${(-100 * y) / height}%`;
  } else {
    box.append(h("p", { class: "no-picture" }, t("no_picture")));
  }
  return box;
}

/** A frame around a place of a page, which is given as shares of it. */
export function spot(name, [x, y, width, height]) {
  const frame = h("div", { class: name });
  Object.assign(frame.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` });
  return frame;
}

/** A picture whose link may have expired while the page was open: then it is asked for anew, once. */
function picture(src, alt, scan, act) {
  return h("img", { src, alt, onerror: () => act.refresh(scan) });
}

function reading(item) {
  const why = { ambiguous: "read_ambiguous", low_confidence: "read_low_confidence", error: "read_error" };
  const value = item.read.length ? t("read_as", { value: item.read.join(", ") }) : t("read_nothing");
  return h("p", { class: "reading" },
    h("strong", {}, value),
    why[item.read_as] ? h("span", { class: "tag warn" }, t(why[item.read_as])) : null,
    h("span", { class: "dim" }, t("certain", { percent: Math.round(item.confidence * 100) })));
}

function accepted(item) {
  return item.digits && item.read_as === "ambiguous" && !item.read.length ? null : item.read;
}

function answerDeeds(item, act) {
  const accept = accepted(item);
  return h("div", { class: "deeds" },
    accept === null ? null : h("button", { type: "button", class: "strong", disabled: !act.writes, onclick: () => act.accept() },
      accept.length ? t("accept", { value: accept.join(", ") }) : t("accept_blank"), key("Enter")),
    h("button", { type: "button", disabled: !act.writes, onclick: () => act.settle([]) }, t("blank"), key("Space")),
    item.digits ? null : h("button", { type: "button", disabled: !act.writes, "aria-pressed": String(act.several !== null),
      onclick: () => act.toggleSeveral() }, act.several === null ? t("multi") : t("multi_done"), key("M")));
}

const ANSWER = {
  title: (item) => t("question", item),
  body(item, act) {
    const numbers = Array.from({ length: item.choices }, (_, index) => index + 1);
    const pressed = act.several ?? item.decided?.value ?? [];
    if (item.digits) {
      return [h("div", { class: "identity" }, crop(item, t("crop", item), act),
        h("div", {}, reading(item), number(item, act), answerDeeds(item, act)))];
    }
    return [
      crop(item, t("crop", item), act),
      reading(item),
      h("div", { class: "choices", role: "group", "aria-label": t("question", item) },
        numbers.map((value) => h("button", {
          type: "button", class: item.read.includes(value) ? "read" : null, disabled: !act.writes,
          "aria-pressed": String(pressed.includes(value)), onclick: () => act.choose(value),
        }, String(value)))),
      answerDeeds(item, act),
    ];
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

/** The field for a number: digits go into it wherever the focus is. */
function number(item, act) {
  const most = 10 ** item.digits - 1;
  const field = h("input", {
    id: "written", inputmode: "numeric", autocomplete: "off", maxlength: item.digits, "aria-label": t("number"),
    placeholder: item.read.length ? String(item.read[0]) : "—", disabled: !act.writes,
    oninput: () => { field.value = field.value.replace(/\D/g, ""); },
  });
  const settle = () => {
    if (field.value === "") act.accept();
    else if (Number(field.value) > most) act.say(t("number_wrong", { most }));
    else act.settle([Number(field.value)]);
  };
  const form = h("form", { class: "written", onsubmit: (event) => { event.preventDefault(); settle(); } },
    field, h("button", { class: "strong", disabled: !act.writes }, t("settle")));
  return form;
}

/** A number with the places marked at which it differs from what was read. */
function marked(digits, off) {
  return [...digits].map((sign, place) => (off.includes(place) || sign === "?" ? h("span", { class: "off" }, sign) : sign));
}

function person(student, act, index, choose) {
  return h("li", {}, h("button", { type: "button", disabled: !act.writes, onclick: () => choose(student) },
    index === null ? null : key(String(index + 1)),
    h("span", { class: "person" }, h("span", {}, student.name),
      h("small", {}, [student.about, student.taken ? t("taken") : ""].filter(Boolean).join(" · "))),
    h("code", {}, marked(student.number, student.differs))));
}

/** A field that finds students while somebody types; ↓ ↑ Enter choose one. */
export function finder(scan, act, choose) {
  const list = h("ul", { class: "people" });
  let [found, at, asked, timer] = [[], 0, "", null];
  const draw = () => {
    list.replaceChildren(...found.map((student) => person(student, act, null, choose)));
    list.children[at]?.firstElementChild.classList.add("chosen");
    if (asked && !found.length) list.append(h("li", { class: "dim" }, t("nobody")));
  };
  const look = async (text) => {
    asked = text;
    try {
      const query = `q=${encodeURIComponent(text)}&page=${scan.page}`;
      const answer = text ? await call("GET", `${act.base}/review/students?${query}`) : { students: [] };
      if (asked === text) [found, at] = [answer.students, 0];
    } catch (error) { report(error); }
    draw();
  };
  const field = h("input", {
    type: "search", autocomplete: "off", placeholder: t("search"), "aria-label": t("search"), maxlength: 40, disabled: !act.writes,
    oninput: () => { clearTimeout(timer); timer = setTimeout(() => look(field.value.trim()), 200); },
    onkeydown: (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) at = Math.max(0, Math.min(found.length - 1, at + step));
      else if (event.key === "Enter" && found[at] && asked === field.value.trim()) choose(found[at]);
      else if (event.key === "Escape") field.blur();
      else return;
      event.preventDefault();
      event.stopPropagation();
      draw();
    },
  });
  return h("div", { class: "finder" }, field, list);
}

const STUDENT = {
  title: () => t("student"),
  body(item, act) {
    const choose = (student) => {
      item.found = [...(item.found ?? []), student];
      act.settle(student.id);
    };
    return [
      h("div", { class: "identity" }, crop(item, t("crop_number"), act), h("div", {},
        h("p", { class: "reading" }, h("span", { class: "digits" }, marked(item.digits, [])),
          item.match ? h("span", { class: "dim" }, t(`match_${item.match}`)) : null),
        item.candidates.length ? h("h3", {}, t("candidates")) : null,
        h("ul", { class: "people" }, item.candidates.map((student, index) => person(student, act, index, choose))),
        finder(item.scan, act, choose))),
      h("div", { class: "deeds" }, h("button", { type: "button", class: "danger", disabled: !act.writes, onclick: () => act.settle("discard") },
        t("discard"), key("D"))),
    ];
  },
  press(item, name, act) {
    if (/^[1-9]$/.test(name) && item.candidates[name - 1]) act.settle(item.candidates[name - 1].id);
    else if (name === "/") document.querySelector("#item input[type=search]")?.focus();
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

const DUPLICATES = {
  wide: true,
  title: () => t("duplicates"),
  body(item, act) {
    const { scan, twins } = item;
    return [
      h("p", {}, t("duplicates_text", { count: twins.length, page: scan.page, name: scan.student?.name ?? "" })),
      h("div", { class: "twins" }, twins.map((twin, index) => h("section", { class: "twin" },
        h("h3", {}, t("page_of", twin)),
        twin.overlay ? h("div", { class: "paper-inner" }, picture(twin.overlay, t("page_of", twin), scan, act),
          item.places.map((place) => spot("differs", place))) : h("p", { class: "dim" }, t("no_picture")),
        h("p", { class: "dim" }, [
          index === 0 ? null : twin.differs.length ? t("differs", { questions: twin.differs.join(", ") }) : t("same_answers"),
          twin.doubtful ? t("doubtful", { count: twin.doubtful }) : null,
        ].filter(Boolean).join(" · ")),
        h("div", { class: "deeds" },
          h("button", { type: "button", class: "strong", disabled: !act.writes, onclick: () => act.settle(twin.id) }, key(String(index + 1)), t("counts_this")),
          h("button", { type: "button", disabled: !act.writes, onclick: (event) => {
            const box = event.currentTarget.closest("section");
            event.currentTarget.replaceWith(finder(scan, act, (student) => act.rename(twin, student)));
            box.querySelector("input").focus();
          } }, t("other_student")))))),
    ];
  },
  press(item, name, act) {
    if (!/^[1-9]$/.test(name) || !item.twins[name - 1]) return false;
    act.settle(item.twins[name - 1].id);
    return true;
  },
};

const UNREADABLE = {
  wide: true,
  title: () => t("unreadable"),
  body(item, act) {
    const { scan, error } = item;
    return [
      h("p", {}, h("strong", {}, error.message[lang])),
      h("p", { class: "dim" }, error.action[lang]),
      h("div", { class: "deeds" },
        h("a", { class: "button", href: `${act.base}/review/scans/${scan.id}/file`, target: "_blank", rel: "noopener" }, t("file")),
        h("button", { type: "button", class: "danger", disabled: !act.writes, onclick: () => act.settle(true) }, t("discard"), key("D"))),
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
