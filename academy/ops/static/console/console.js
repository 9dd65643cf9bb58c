// Pages work without this file. With it, they refresh themselves while somebody looks.
"use strict";

(() => {
  const live = () => document.getElementById("live");
  const stale = (hidden) => { document.getElementById("stale").hidden = hidden; };

  // A page nobody sees asks for nothing; it catches up when it is seen again.
  document.addEventListener("htmx:before:request", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live()) window.htmx.trigger(live(), "refresh");
  });

  document.addEventListener("htmx:error", () => stale(false));
  document.addEventListener("htmx:response:error", () => stale(false));
  document.addEventListener("htmx:after:swap", () => stale(true));
})();
