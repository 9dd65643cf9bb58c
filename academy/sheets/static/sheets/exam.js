// The page of an examination: the table to take along, and publishing.
import { call, during, h, report, t, toast } from "../desk/desk.js";

const POLL_MS = 1500;
const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

document.getElementById("export")?.addEventListener("click", (event) => {
  const button = event.currentTarget;
  during(button, async () => {
    let job = await call("POST", button.dataset.url, { format: "xlsx" });
    toast(t("exporting"));
    while (!job.ended) {
      await wait(POLL_MS);
      job = await call("GET", `${button.dataset.url}/${job.job}`);
    }
    if (!job.url) {
      toast(t("export_failed"), "bad");
      return;
    }
    button.replaceWith(h("a", { class: "button", href: job.url }, t("export_ready")));
  });
});

const publish = document.getElementById("publish");
const ask = document.getElementById("publish-ask");
publish?.addEventListener("click", () => ask.showModal());
ask?.addEventListener("close", async () => {
  if (ask.returnValue !== "yes") return;
  publish.disabled = true;
  try {
    await call("POST", publish.dataset.url, { published: !("published" in publish.dataset) });
    location.reload();
  } catch (error) {
    publish.disabled = false;
    report(error);
  }
});
