// What lies over the picture: captions, the seek preview, and the academy's watermark.
"use strict";

window.academy = window.academy || {};

(() => {
  const at = (id) => document.getElementById(id);

  /** Captions of several languages, drawn by the page so that they stand above the controls. */
  class Captions {
    constructor(video, store) {
      Object.assign(this, { video, store, all: [], chosen: "" });
    }

    /** `captions` as the platform lists them: language, label, url. */
    offer(captions) {
      for (const track of this.tracks()) track.remove();
      this.all = captions;
      for (const { language, label, url } of captions) {
        const track = document.createElement("track");
        Object.assign(track, { kind: "captions", srclang: language, label, src: url });
        track.track.mode = "disabled";
        track.track.addEventListener("cuechange", () => this.draw());
        this.video.append(track);
      }
      const wanted = this.store.get("academy.captions") || "";
      this.choose(captions.some((each) => each.language === wanted) ? wanted : "");
    }

    choose(language) {
      this.chosen = language;
      for (const { track } of this.tracks()) {
        track.mode = track.language === language ? "hidden" : "disabled";
      }
      this.store.set("academy.captions", language);
      this.draw();
    }

    toggle() {
      const first = (this.all.find((each) => each.language === this.before) || this.all[0] || {});
      if (this.chosen) this.before = this.chosen;
      this.choose(this.chosen ? "" : first.language || "");
    }

    shown() {
      return this.chosen !== "";
    }

    tracks() {
      return [...this.video.querySelectorAll("track[kind=captions]")];
    }

    draw() {
      const tracks = this.tracks().map((element) => element.track);
      const track = tracks.find((each) => each.mode === "hidden");
      const lines = [...((track && track.activeCues) || [])].map((cue) => {
        const line = document.createElement("span");
        line.append(cue.getCueAsHTML());
        return line;
      });
      at("caption-lines").lang = this.chosen;
      at("caption-lines").replaceChildren(...lines);
    }
  }

  /** A small picture of the moment that the pointer is at, cut out of the storyboard. */
  class Preview {
    constructor() {
      this.pictures = [];
    }

    /** Read a storyboard: WebVTT whose cues are `sprite.jpg#xywh=x,y,width,height`. */
    async offer(url) {
      if (url === this.url) return;
      this.url = url;
      this.pictures = [];
      if (!url) return;
      const answer = await fetch(url);
      if (answer.ok) this.pictures = parse(await answer.text(), answer.url || url);
    }

    show(share, seconds, time, chapter) {
      const box = at("preview");
      box.hidden = false;
      at("preview-time").textContent = time;
      at("preview-chapter").textContent = chapter;
      at("preview-chapter").hidden = !chapter;
      const found = this.pictures.find((each) => seconds < each.end) || this.pictures.at(-1);
      const picture = at("preview-picture");
      picture.hidden = !found;
      if (found) {
        Object.assign(picture.style, {
          width: `${found.width}px`, height: `${found.height}px`,
          backgroundImage: `url("${found.url}")`, backgroundPosition: `-${found.x}px -${found.y}px`,
        });
      }
      const room = box.parentElement.clientWidth;
      const half = box.offsetWidth / 2;
      box.style.left = `${Math.min(Math.max(share * room, half), Math.max(half, room - half))}px`;
    }

    hide() {
      at("preview").hidden = true;
    }
  }

  function parse(text, base) {
    const seconds = (stamp) => stamp.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
    const pictures = [];
    for (const block of text.split(/\r?\n\r?\n/)) {
      const lines = block.split(/\r?\n/);
      const timing = lines.findIndex((line) => line.includes("-->"));
      const place = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(lines[timing + 1] || "");
      if (timing < 0 || !place) continue;
      const [x, y, width, height] = place.slice(2).map(Number);
      const end = seconds(lines[timing].split("-->")[1].trim().split(/\s/)[0]);
      pictures.push({ url: new URL(place[1], base).href, x, y, width, height, end });
    }
    return pictures;
  }

  /** A text that wanders over the picture, so that a filmed screen says whose it was. */
  class Watermark {
    static EVERY_MS = 20000;

    constructor(text) {
      this.text = text;
      if (!text) return;
      this.move();
      setInterval(() => this.move(), Watermark.EVERY_MS);
    }

    move() {
      // Made anew each time: taking it out of the page hides it for seconds, not for good.
      const element = document.createElement("div");
      element.className = "watermark";
      element.setAttribute("aria-hidden", "true");
      element.textContent = this.text;
      element.style.left = `${5 + Math.random() * 60}%`;
      element.style.top = `${8 + Math.random() * 66}%`;
      for (const old of document.querySelectorAll(".watermark")) old.remove();
      at("stage").insertBefore(element, at("controls"));
    }
  }

  Object.assign(academy, { Captions, Preview, Watermark });
})();
