// Pieces that the review shows: pictures of the paper, buttons, students and how to find them.
import { call, h, report, t } from "../desk/desk.js";

export const key = (name) => h("kbd", { "aria-hidden": "true" }, name);

/** A button that settles something, which a reader of the page cannot press. */
export function deed(act, text, press, { name = null, ...props } = {}) {
  const label = [text, name === null ? null : key(name)];
  return h("button", { type: "button", disabled: !act.writes, onclick: press, ...props }, label);
}

/** A frame around a place of a page, which is given as shares of it. */
export function spot(name, [x, y, width, height]) {
  const frame = h("div", { class: name });
  const percent = (share) => `${100 * share}%`;
  Object.assign(frame.style, {
    left: percent(x), top: percent(y), width: percent(width), height: percent(height),
  });
  return frame;
}

/** A picture whose link may have expired while the page was open: then there is a new one. */
export function picture(src, alt, scan, act) {
  return h("img", { src, alt, onerror: () => act.refresh(scan) });
}

/** A part of the page in large: its own picture, or a window onto the whole page. */
export function crop(item, alt, act) {
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

/** A number with the places marked at which it differs from what was read. */
export function marked(digits, off = []) {
  const isOff = (sign, place) => sign === "?" || off.includes(place);
  return [...digits].map((sign, place) => (
    isOff(sign, place) ? h("span", { class: "off" }, sign) : sign));
}

/** A student to choose; `index` is the key that does it. */
export function person(student, act, choose, index = null) {
  const about = [student.about, student.taken ? t("taken") : ""].filter(Boolean).join(" · ");
  return h("li", {},
    h("button", { type: "button", disabled: !act.writes, onclick: () => choose(student) },
      index === null ? null : key(String(index + 1)),
      h("span", { class: "person" }, h("span", {}, student.name), h("small", {}, about)),
      h("code", {}, marked(student.number, student.differs))));
}

/** A field that finds students while somebody types; ↓ ↑ Enter choose one. */
export function finder(scan, act, choose) {
  const list = h("ul", { class: "people" });
  let [found, at, asked, timer] = [[], 0, "", null];
  const draw = () => {
    list.replaceChildren(...found.map((student) => person(student, act, choose)));
    list.children[at]?.firstElementChild.classList.add("chosen");
    if (asked && !found.length) list.append(h("li", { class: "dim" }, t("nobody")));
  };
  const look = async (text) => {
    asked = text;
    try {
      const query = `q=${encodeURIComponent(text)}&page=${scan.page}`;
      const answer = text && await call("GET", `${act.base}/review/students?${query}`);
      if (asked === text) [found, at] = [text ? answer.students : [], 0];
    } catch (error) {
      report(error);
    }
    draw();
  };
  const field = h("input", {
    type: "search", autocomplete: "off", maxlength: 40, disabled: !act.writes,
    placeholder: t("search"), "aria-label": t("search"),
    oninput() {
      clearTimeout(timer);
      timer = setTimeout(() => look(field.value.trim()), 200);
    },
    onkeydown(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const isCurrent = found[at] && asked === field.value.trim();
      if (step) at = Math.max(0, Math.min(found.length - 1, at + step));
      else if (event.key === "Enter" && isCurrent) choose(found[at]);
      else if (event.key === "Escape") field.blur();
      else return;
      event.preventDefault();
      event.stopPropagation();
      draw();
    },
  });
  return h("div", { class: "finder" }, field, list);
}
