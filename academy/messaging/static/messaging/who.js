// Who gets a campaign: everybody, groups, students one by one, or phones of a spreadsheet.
import { call, h, report, t } from "../desk/desk.js";
import { data, figure } from "./parts.js";

const SEARCH_MS = 250;
const PHONE_CHARS = 30;
const TITLES = /전화|휴대|핸드폰|연락처|phone|mobile/i;
const by = (id) => document.getElementById(id);

/** Rows of cells: pasted from a spreadsheet, or a CSV file with quotes. */
export function cells(text) {
  const sign = text.includes("\t") ? "\t" : text.includes(";") && !text.includes(",") ? ";" : ",";
  const rows = [[]];
  let [cell, quoted] = ["", false];
  const end = () => { rows.at(-1).push(cell.trim()); cell = ""; };
  for (let at = 0; at < text.length; at += 1) {
    const one = text[at];
    if (quoted) {
      if (one !== '"') cell += one;
      else if (text[at + 1] === '"') { cell += one; at += 1; } else quoted = false;
    } else if (one === '"' && !cell.trim()) { quoted = true; cell = ""; }
    else if (one === sign) end();
    else if (one === "\n") { end(); rows.push([]); }
    else if (one !== "\r") cell += one;
  }
  end();
  return rows.filter((row) => row.some(Boolean));
}

const isPhone = (text) => (text.match(/\d/g) ?? []).length >= 8;

/** Phones with their values: a first row without a phone names the columns. */
export function table(text) {
  const rows = cells(text);
  if (!rows.length) return { phones: [], names: [] };
  const titled = !rows[0].some(isPhone);
  const heads = titled ? rows.shift() : [];
  const place = Math.max(0, heads.findIndex((name) => TITLES.test(name)));
  const names = heads.filter((name, index) => name && index !== place);
  const phones = rows.map((row) => ({
    phone: (row[place] ?? "").slice(0, PHONE_CHARS),
    variables: Object.fromEntries(heads.map((name, index) => [name, row[index] ?? ""])
      .filter(([name, value], index) => name && value && index !== place)),
  }));
  return { phones, names };
}

/** So many of them, evenly, the first and the last among them; the platform counts the same way. */
function spread(rows, most) {
  const place = (index) => Math.floor((index * (rows.length - 1)) / (most - 1));
  return Array.from({ length: most }, (_, index) => rows[place(index)]);
}

export class Who {
  constructor(onChange) {
    Object.assign(this, { onChange, chosen: new Map(), pasted: { phones: [], names: [] } });
    this.groups();
    this.finder();
    this.sheet();
    for (const input of by("who").querySelectorAll('[name="by"], [name="recipient"]')) {
      input.addEventListener("change", () => this.changed());
    }
    this.changed(false);
  }

  get way() {
    return by("who").querySelector('[name="by"]:checked').value;
  }

  /** The names of values that the recipients bring with them. */
  get brings() {
    return this.way === "phones" ? this.pasted.names : data.known;
  }

  /** As the platform is asked; for measuring a long table is cut down to a sample. */
  asked({ sample = false } = {}) {
    const ticked = (name) =>
      [...by("who").querySelectorAll(`[name="${name}"]:checked`)].map((input) => input.value);
    const recipients = ticked("recipient");
    const who = { by: this.way, recipients };
    if (this.way === "phones") {
      const { phones } = this.pasted;
      if (!sample || phones.length <= data.sample) {
        return { by: "phones", phones: phones.slice(0, data.most + 1) };
      }
      return { by: "phones", phones: spread(phones, data.sample), total: phones.length };
    }
    if (this.way === "named") return { ...who, students: [...this.chosen.keys()] };
    if (this.way === "groups") {
      return { ...who, classes: ticked("classes"), grades: ticked("grades"), schools: ticked("schools") };
    }
    return who;
  }

  changed(tell = true) {
    for (const part of by("who").querySelectorAll(".way")) part.hidden = part.dataset.by !== this.way;
    by("whose").hidden = this.way === "phones";
    if (tell) this.onChange();
  }

  groups() {
    const lists = Object.entries(data.groups).map(([name, items]) => {
      const boxes = items.map((item) => h("label", {},
        h("input", { type: "checkbox", name, value: item.name, onchange: () => this.changed() }),
        h("span", {}, item.name || t("group_none")), h("small", {}, figure(item.count))));
      const title = by("groups").closest("form").dataset[name];
      return h("details", { open: name === "classes" }, h("summary", {}, title),
        h("div", { class: "ticks" }, boxes.length ? boxes : h("p", { class: "dim" }, t("none_found"))));
    });
    by("groups").replaceChildren(...lists);
  }

  finder() {
    const [field, list] = [by("find"), by("found")];
    let [timer, asked] = [null, ""];
    const look = async (text) => {
      asked = text;
      if (!text) {
        list.replaceChildren();
        return;
      }
      try {
        const { students } = await call("GET",
          `${data.root}/compose/students?q=${encodeURIComponent(text)}`);
        if (asked !== text) return;
        list.replaceChildren(...students.map((one) => h("li", {}, h("button", {
          type: "button", onclick: () => this.add(one),
        }, h("span", {}, one.name), h("small", {}, one.about)))));
        if (!students.length) list.append(h("li", { class: "dim" }, t("nobody_found")));
      } catch (error) {
        report(error);
      }
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => look(field.value.trim()), SEARCH_MS);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        list.querySelector("button")?.click();
      }
    });
  }

  add(student) {
    this.chosen.set(student.id, student);
    by("find").value = "";
    by("found").replaceChildren();
    by("find").focus();
    this.drawChosen();
  }

  drawChosen() {
    by("chosen").replaceChildren(...[...this.chosen.values()].map((one) => h("li", {}, h("button", {
      type: "button", "aria-label": t("remove", { name: one.name }),
      onclick: () => {
        this.chosen.delete(one.id);
        by("find").focus();
        this.drawChosen();
      },
    }, one.name, h("span", { "aria-hidden": "true" }, "×")))));
    this.changed();
  }

  sheet() {
    const read = () => {
      this.pasted = table(by("table").value);
      const { phones, names } = this.pasted;
      const count = figure(phones.length);
      let text = phones.length ? t("phones_read_plain", { count }) : "";
      if (names.length) text = t("phones_read", { count, names: names.join(", ") });
      if (phones.length > data.most) text = t("phones_too_many", { limit: figure(data.most) });
      by("table-said").textContent = text;
      this.changed();
    };
    by("table").addEventListener("input", read);
    by("file").addEventListener("change", async () => {
      const [file] = by("file").files;
      if (!file) return;
      const bytes = await file.arrayBuffer();
      let text;
      try {
        text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      } catch {
        // What Excel in Korea writes.
        text = new TextDecoder("euc-kr").decode(bytes);
      }
      by("table").value = text;
      by("file").value = "";
      read();
    });
  }
}
