// What the page says to the platform: its state, its viewing, what was really watched; and links to
// segments, which live for minutes and are renewed before they end.
"use strict";

window.academy = window.academy || {};

(() => {
  /** The platform refused: `code` and `details` as in every error body. */
  class Refusal extends Error {
    constructor(status, error) {
      super(error.code);
      Object.assign(this, { status, error, code: error.code, details: error.details || {} });
    }
  }

  /** A fetch that answers with the body, or throws a Refusal (4xx) or an Error (anything else). */
  async function ask(url, options = {}) {
    const answer = await fetch(url, { cache: "no-store", ...options });
    if (answer.ok) return answer;
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      const body = await answer.json().catch(() => null);
      if (body && body.error) throw new Refusal(answer.status, body.error);
    }
    throw new Error(`answered ${answer.status}`);
  }

  class Session {
    /** `base` is the page's own path; the page's token is in its query. */
    constructor(base, query, device) {
      Object.assign(this, { base, query, device, viewing: null });
    }

    async state() {
      return (await ask(`${this.base}/state${this.query}`)).json();
    }

    async begin(renews) {
      const answer = await this.post("viewings", { device: this.device, renews });
      const body = await answer.json();
      this.viewing = body.viewing;
      return body;
    }

    async beat(report, { leaving = false } = {}) {
      const body = { viewing: this.viewing, ...report, leaving };
      // keepalive: the last word is sent although the page is closing.
      const answer = await this.post("heartbeats", body, { keepalive: leaving });
      return answer.json();
    }

    post(what, body, options = {}) {
      return ask(`${this.base}/${what}${this.query}`, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body), ...options,
      });
    }
  }

  /** Which intervals of the lecture really played: a seek ends one and begins another. */
  class Watcher {
    constructor(video) {
      this.video = video;
      this.from = null;
      this.last = 0;
      this.done = [];
      this.rate = video.playbackRate;
      video.addEventListener("timeupdate", () => this.tick());
      for (const name of ["pause", "ended"]) {
        video.addEventListener(name, () => { this.tick(); this.close(); });
      }
      // When this is heard, currentTime is where the seek leads: what was watched ended before.
      video.addEventListener("seeking", () => this.close());
      video.addEventListener("ratechange", () => {
        this.rate = Math.max(this.rate, video.playbackRate);
      });
    }

    tick() {
      const { video } = this;
      const now = video.currentTime;
      if (video.seeking || (video.paused && this.from === null)) return;
      // Time passes in steps while it plays, large ones where the page is busy; the rest are jumps.
      const jumped = now < this.last || now - this.last > 5 * Math.max(1, video.playbackRate);
      if (this.from !== null && jumped) this.close();
      if (this.from === null) this.from = now;
      this.last = now;
    }

    close() {
      if (this.from !== null && this.last > this.from) this.done.push([this.from, this.last]);
      this.from = null;
    }

    /** What has played since the last call; the present interval goes on from here. */
    take() {
      const open = this.from !== null;
      this.close();
      if (open) this.from = this.last;
      const watched = this.done.splice(0, 200)
        .map((interval) => interval.map((edge) => Math.round(edge * 1000) / 1000));
      const report = { watched, position: this.video.currentTime, rate: this.rate };
      this.rate = this.video.playbackRate;
      return report;
    }

    /** A report that did not arrive is part of the next one. */
    putBack(report) {
      this.done.unshift(...report.watched);
      this.rate = Math.max(this.rate, report.rate);
    }
  }

  /** The signed address of every segment, by its path. */
  class Links {
    /** `onRefused` is told when the platform gives no new ones. */
    constructor(onRefused) {
      this.onRefused = onRefused;
      this.segments = new Map();
      this.playlists = new Map();
    }

    /** Learn what a playlist says; `seconds` is how long its links work. */
    learn(url, text, seconds) {
      if (!seconds || !text.includes("#EXTINF")) return;
      const playlist = this.playlists.get(url) || {};
      // A clock of ours, so that a wrong one in the device does not matter.
      Object.assign(playlist, {
        renewAt: performance.now() + 1000 * (seconds - Math.min(30, seconds / 3)),
      });
      this.playlists.set(url, playlist);
      for (const found of text.matchAll(/^(?!#)\S+$|URI="([^"]+)"/gm)) {
        const address = new URL(found[1] || found[0], url);
        this.segments.set(address.origin + address.pathname, { address: address.href, url });
      }
    }

    /** The address to load now: the same, or a promise of a newer one. */
    fresh(address) {
      const { origin, pathname } = new URL(address);
      const known = this.segments.get(origin + pathname);
      if (!known) return address;
      if (performance.now() < this.playlists.get(known.url).renewAt) return known.address;
      return this.renew(known.url).then(() => this.segments.get(origin + pathname).address);
    }

    renew(url) {
      const playlist = this.playlists.get(url);
      playlist.renewal = playlist.renewal || (async () => {
        try {
          const answer = await ask(url);
          this.learn(url, await answer.text(), Number(answer.headers.get("X-Link-Seconds")));
        } finally {
          playlist.renewal = null;
        }
      })();
      return playlist.renewal;
    }

    /** Loaders for hls.js: one learns from playlists, the other loads segments by fresh links. */
    loaders() {
      const links = this;
      const Base = Hls.DefaultConfig.loader;
      class PlaylistLoader extends Base {
        load(context, config, callbacks) {
          const onSuccess = (response, stats, of, request) => {
            const seconds = Number(request && request.getResponseHeader("X-Link-Seconds"));
            if (typeof response.data === "string") {
              links.learn(new URL(response.url, location).href, response.data, seconds);
            }
            callbacks.onSuccess(response, stats, of, request);
          };
          super.load(context, config, { ...callbacks, onSuccess });
        }
      }
      class SegmentLoader extends Base {
        load(context, config, callbacks) {
          const address = links.fresh(context.url);
          if (typeof address === "string") {
            context.url = address;
            super.load(context, config, callbacks);
            return;
          }
          address.then(
            (fresh) => {
              if (this.given) return;
              context.url = fresh;
              super.load(context, config, callbacks);
            },
            (error) => {
              if (this.given) return;
              if (error instanceof Refusal) links.onRefused(error);
              const answer = { code: error.status || 0, text: error.message };
              callbacks.onError(answer, context, null, this.stats);
            });
        }

        abort() {
          this.given = true;
          super.abort();
        }

        destroy() {
          this.given = true;
          super.destroy();
        }
      }
      return { pLoader: PlaylistLoader, fLoader: SegmentLoader };
    }
  }

  Object.assign(academy, { Refusal, Session, Watcher, Links });
})();
