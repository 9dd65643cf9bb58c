// What is known of a lecture's course: its chapters, and the silences that a viewer may jump over.
"use strict";

window.academy = window.academy || {};

(() => {
  const at = (id) => document.getElementById(id);

  /** Chapters: marks on the seek bar, a list to choose from, and the one that plays. */
  class Chapters {
    /** `seekTo` is called with the seconds at which a chapter begins. */
    constructor(video, seekTo) {
      Object.assign(this, { video, seekTo, all: [], url: "" });
      at("chapters").addEventListener("click", () => this.open(at("chapter-list").hidden));
    }

    /** Read chapters from a WebVTT file; "" takes them away. */
    offer(url) {
      if (url === this.url) return;
      this.url = url;
      for (const track of this.video.querySelectorAll("track[kind=chapters]")) track.remove();
      this.build([]);
      if (!url) return;
      const track = document.createElement("track");
      Object.assign(track, { kind: "chapters", src: url });
      track.addEventListener("load", () => this.build([...track.track.cues]));
      this.video.append(track);
      track.track.mode = "hidden";
    }

    build(cues) {
      this.all = cues.map((cue) => ({
        start: cue.startTime, end: cue.endTime, title: cue.getCueAsHTML().textContent,
      }));
      at("chapters").hidden = this.all.length === 0;
      if (!this.all.length) this.open(false);
      at("chapter-list").replaceChildren(...this.all.map((chapter) => this.line(chapter)));
      this.mark();
    }

    line(chapter) {
      const button = document.createElement("button");
      const time = document.createElement("span");
      button.type = "button";
      time.className = "time";
      time.textContent = academy.clock(chapter.start);
      button.append(time, chapter.title);
      button.addEventListener("click", () => {
        this.seekTo(chapter.start);
        this.open(false);
        at("chapters").focus();
      });
      return button;
    }

    /** Marks where chapters begin, but for the beginning of the lecture. */
    mark() {
      const duration = this.video.duration || 0;
      const inner = this.all.filter(({ start }) => start > 0 && start < duration);
      at("chapter-marks").replaceChildren(...inner.map(({ start }) => {
        const mark = document.createElement("i");
        mark.style.left = `${100 * start / duration}%`;
        return mark;
      }));
    }

    /** The chapter that is at a moment, or undefined. */
    of(seconds) {
      return this.all.find(({ start, end }) => start <= seconds && seconds < end);
    }

    /** Show which chapter plays. */
    show() {
      const now = this.of(this.video.currentTime);
      at("chapter-now").textContent = now ? now.title : "";
      [...at("chapter-list").children].forEach((button, index) => {
        if (this.all[index] === now) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
      });
    }

    open(open) {
      at("chapter-list").hidden = !open;
      at("chapters").setAttribute("aria-expanded", String(open));
      if (!open) return;
      this.show();
      const list = at("chapter-list");
      (list.querySelector("[aria-current]") || list.firstElementChild).focus();
    }

    /** Go to the next chapter (1), or to the beginning of this one or the one before (-1). */
    step(direction) {
      const now = this.video.currentTime;
      const starts = this.all.map(({ start }) => start);
      const target = direction > 0 ? starts.find((start) => start > now + 0.5)
        : starts.filter((start) => start < now - 3).at(-1) ?? starts[0];
      if (target !== undefined) this.seekTo(target);
    }
  }

  /** Jumps over silences that are longer than the viewer has patience for; never over speech. */
  class Silences {
    static CHOICES = [0, 2, 5, 10];
    // What is kept of a silence: a moment before, so that it is heard to be one, and after.
    static BEFORE = 0.4;
    static AFTER = 0.4;
    static WORTH = 0.5;

    /** `onJump` is told the seconds of a jump, and all that were saved so far. */
    constructor(video, store, onJump) {
      const kept = Number(store.get("academy.silence"));
      Object.assign(this, { video, store, onJump, all: [], saved: 0, wanted: null, jumping: false });
      this.longer = Silences.CHOICES.includes(kept) ? kept : 0;
      this.before = this.longer || Silences.CHOICES[1];
      video.addEventListener("timeupdate", () => this.tick());
      // Whoever goes into a silence on purpose wants to see it.
      video.addEventListener("seeking", () => {
        if (!this.jumping) this.wanted = this.at(video.currentTime);
      });
      video.addEventListener("seeked", () => { this.jumping = false; });
    }

    /** `silences` as [from, to] in seconds, in order. */
    offer(silences) {
      this.all = silences;
    }

    /** Jump over those that are longer than so many seconds; 0: over none. */
    choose(longer) {
      this.longer = longer;
      if (longer) this.before = longer;
      this.store.set("academy.silence", String(longer));
    }

    toggle() {
      this.choose(this.longer ? 0 : this.before);
    }

    at(seconds) {
      return this.all.find(([from, to]) => from <= seconds && seconds < to) || null;
    }

    tick() {
      const { video } = this;
      const now = video.currentTime;
      const silence = this.at(now);
      if (silence !== this.wanted) this.wanted = null;
      if (!this.longer || !silence || this.wanted || video.paused || video.seeking) return;
      const [from, to] = silence;
      const target = to - Silences.AFTER;
      if (to - from < this.longer || now < from + Silences.BEFORE) return;
      if (target - now < Silences.WORTH) return;
      this.jumping = true;
      this.saved += target - now;
      video.currentTime = target;
      this.onJump(target - now, this.saved);
    }
  }

  Object.assign(academy, { Chapters, Silences });
})();
