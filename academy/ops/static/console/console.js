// Pages work without this file. With it, they refresh themselves while somebody looks.
"use strict";

(() => {
  const live = () => document.getElementById("live");
  const stale = (isFresh) => { document.getElementById("stale").hidden = isFresh; };

  // A page nobody sees asks for nothing; it catches up when it is seen again.
  document.addEventListener("htmx:before:request", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && live()) window.htmx.trigger(live(), "refresh");
  });

  // Old figures with a warning say more than an error in their place.
  document.addEventListener("htmx:error", () => stale(false));
  document.addEventListener("htmx:after:request", (event) => {
    stale(event.detail.ctx.response.status < 400);
  });
})();
