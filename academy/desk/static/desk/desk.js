// What the scripts of all pages share: texts, requests, elements, and short messages.

export const lang = document.documentElement.lang === "en" ? "en" : "ko";

const texts = JSON.parse(document.getElementById("texts")?.textContent ?? "{}");

/** A text of the page, with `{names}` filled in. */
export function t(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`no text ${key}`);
  const filled = (whole, name) => (name in values ? String(values[name]) : whole);
  return text.replace(/\{(\w+)\}/g, filled);
}

/** The key's name; a letter of the Latin layout also where Korean is typed. */
export function keyOf({ key, code }) {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return /^Key([A-Z])$/.exec(code)?.[1].toLowerCase() ?? key;
}

/** The platform's refusal: `code` and `details` as in every error body, `text` for people. */
export class Problem extends Error {
  constructor(status, error) {
    const say = (text) => (text ? text[lang] : "");
    super(error.code);
    Object.assign(this, {
      status, code: error.code, details: error.details ?? {},
      text: [say(error.message), say(error.action)].filter(Boolean).join(" "),
    });
  }
}

const OFFLINE = {
  code: "offline",
  message: { ko: "서버에 연결할 수 없습니다.", en: "The server cannot be reached." },
  action: {
    ko: "인터넷 연결을 확인한 뒤 다시 시도해 주세요.",
    en: "Check your connection and try again.",
  },
};

/** Ask the platform; the answer's JSON, or a Problem. What is aborted throws the signal's reason. */
export async function call(method, url, body, { signal = null } = {}) {
  let answer;
  try {
    answer = await fetch(url, {
      method, signal, cache: "no-store", credentials: "same-origin", redirect: "error",
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : {
          "Content-Type": "application/json",
          "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
        }),
      },
      body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
    });
  } catch {
    signal?.throwIfAborted();
    throw new Problem(0, OFFLINE);
  }
  const content = await answer.json().catch(() => null);
  if (answer.ok) return content;
  throw new Problem(answer.status, content?.error ?? { ...OFFLINE, code: `http_${answer.status}` });
}

/** An element: `h("p", {class: "dim"}, "text", child)`; on… listen, and text is never HTML. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A message that goes away by itself; `tone` is good, warn or bad. */
export function toast(text, tone = "good") {
  const box = document.getElementById("toasts");
  const shown = h("p", { class: `toast ${tone}` }, text);
  box.append(shown);
  while (box.children.length > 3) box.firstElementChild.remove();
  setTimeout(() => shown.remove(), tone === "bad" ? 9000 : 4000);
}

/** Take hints away that are of no use any more. */
export function hush() {
  for (const shown of document.querySelectorAll(".toast.warn")) shown.remove();
}

/** Say what went wrong; what is no Problem is a mistake of ours and goes on. */
export function report(error) {
  if (!(error instanceof Problem)) throw error;
  toast(error.text, "bad");
}

/** Run an action of a button while it is disabled, and say what went wrong. */
export async function during(button, action) {
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    return await action();
  } catch (error) {
    report(error);
    return undefined;
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}
