// The outbox says when there is more; it never moves what somebody reads.
import { Problem, call, t } from "../desk/desk.js";

const POLL_MS = 3000;
const { root, newest } = JSON.parse(document.getElementById("data").textContent);
const link = document.getElementById("new");
link.textContent = t("new");

async function look() {
  try {
    if (!document.hidden) {
      const found = await call("GET", `${root}/outbox/newest`);
      link.hidden = found.newest === newest;
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status >= 400 && error.status < 500) return;
  }
  setTimeout(look, POLL_MS);
}

setTimeout(look, POLL_MS);
