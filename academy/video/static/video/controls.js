// The player's own controls: they know the video element and the page, and nothing of the platform.
"use strict";

window.academy = window.academy || {};

(() => {
  const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
  const IDLE_MS = 3000;
  const SHORT_SEEK = 5;
  const LONG_SEEK = 10;
  const DOUBLE_TAP_MS = 300;
  const at = (id) => document.getElementById(id);

  function clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds || 0));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  /** The key by its letter, also while the keyboard writes Hangul. */
  function keyOf({ key, code }) {
    if (/^[a-z]$/i.test(key)) return key.toLowerCase();
    return /^Key([A-Z])$/.exec(code)?.[1].toLowerCase() ?? key;
  }

  function option(value, text) {
    const element = document.createElement("option");
    element.value = String(value);
    element.textContent = text;
    return element;
  }

  class Controls {
    /** `store` keeps speed, volume and captions; `texts()` gives the present language's. */
    constructor(video, store, texts) {
      Object.assign(this, { video, store, texts, stage: at("stage"), dragging: false });
      this.captions = new academy.Captions(video, store);
      this.preview = new academy.Preview();
      this.chapters = new academy.Chapters(video, (seconds) => this.seekTo(seconds));
      this.silences = new academy.Silences(video, store,
        (seconds, all) => this.jumped(seconds, all));
      this.listen();
      this.restore();
    }

    restore() {
      const speed = Number(this.store.get("academy.speed"));
      this.speed(SPEEDS.includes(speed) ? speed : 1);
      const volume = this.store.get("academy.volume");
      if (volume !== null) this.video.volume = Math.min(1, Math.max(0, Number(volume) || 0));
    }

    listen() {
      const { video, stage } = this;
      const on = (id, event, act) => at(id).addEventListener(event, act);
      on("play", "click", () => this.toggle());
      on("start", "click", () => this.toggle());
      on("back", "click", () => this.seekBy(-LONG_SEEK));
      on("forward", "click", () => this.seekBy(LONG_SEEK));
      on("mute", "click", () => this.mute());
      on("volume", "input", (event) => this.volume(Number(event.target.value)));
      on("captions", "click", () => { this.captions.toggle(); this.show(); });
      on("settings", "click", () => this.panel(at("panel").hidden));
      on("chapters", "click", () => { if (!at("chapter-list").hidden) this.panel(false); });
      on("silence", "change", (event) => this.silences.choose(Number(event.target.value)));
      on("fullscreen", "click", () => this.fullscreen());
      on("speed", "change", (event) => this.speed(Number(event.target.value)));
      on("caption-choice", "change", (event) => {
        this.captions.choose(event.target.value);
        this.show();
      });
      this.listenToSeeking();
      for (const name of ["play", "pause", "ended", "volumechange", "ratechange",
        "durationchange", "timeupdate", "progress", "seeking", "seeked"]) {
        video.addEventListener(name, () => this.show());
      }
      for (const name of ["waiting", "stalled"]) {
        video.addEventListener(name, () => stage.classList.toggle("busy", !video.paused));
      }
      for (const name of ["playing", "canplay", "pause", "seeked"]) {
        video.addEventListener(name, () => stage.classList.remove("busy"));
      }
      stage.addEventListener("pointermove", () => this.wake());
      stage.addEventListener("focusin", () => this.wake());
      video.addEventListener("durationchange", () => this.chapters.mark());
      video.addEventListener("click", (event) => this.onClick(event));
      document.addEventListener("fullscreenchange", () => this.show());
      document.addEventListener("keydown", (event) => this.onKey(event));
    }

    listenToSeeking() {
      const seek = at("seek");
      const preview = (share) => {
        const seconds = share * this.duration();
        const chapter = this.chapters.of(seconds);
        this.preview.show(share, seconds, clock(seconds), chapter ? chapter.title : "");
      };
      seek.addEventListener("pointermove", (event) => {
        const box = seek.getBoundingClientRect();
        preview(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
      });
      seek.addEventListener("pointerleave", () => this.preview.hide());
      seek.addEventListener("pointerdown", () => { this.dragging = true; });
      seek.addEventListener("input", () => preview(seek.value / 1000));
      seek.addEventListener("change", () => {
        this.dragging = false;
        this.seekTo(seek.value / 1000 * this.duration());
        if (!seek.matches(":hover")) this.preview.hide();
      });
    }

    duration() {
      return Number.isFinite(this.video.duration) ? this.video.duration : 0;
    }

    // ---------------------------------------------------------------- what can be done

    toggle() {
      if (this.video.paused) this.video.play().catch(() => {});
      else this.video.pause();
      this.wake();
    }

    seekTo(seconds) {
      this.video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, this.duration() - 0.1));
      this.wake();
    }

    seekBy(seconds) {
      this.seekTo(this.video.currentTime + seconds);
    }

    mute() {
      this.video.muted = !this.video.muted;
      if (!this.video.muted && this.video.volume === 0) this.volume(0.5);
    }

    volume(value) {
      this.video.volume = Math.min(1, Math.max(0, value));
      this.video.muted = this.video.volume === 0;
      this.store.set("academy.volume", String(this.video.volume));
    }

    speed(value) {
      this.video.defaultPlaybackRate = this.video.playbackRate = value;
      this.store.set("academy.speed", String(value));
      this.show();
    }

    stepSpeed(step) {
      const now = SPEEDS.indexOf(this.video.playbackRate);
      const next = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, (now < 0 ? 2 : now) + step))];
      this.speed(next);
      this.say(`${next}×`);
    }

    fullscreen() {
      const { stage } = this;
      if (document.fullscreenElement) document.exitFullscreen();
      // Telephones that let only a bare video fill the screen would leave the watermark behind.
      else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => {});
      else stage.classList.toggle("filled");
      this.show();
    }

    toggleSilence() {
      const { silences } = this;
      if (!silences.all.length) return;
      silences.toggle();
      this.fill();
      const texts = this.texts();
      this.say(silences.longer ? texts.silenceOn(silences.longer) : texts.silenceOff);
    }

    panel(open) {
      if (open) this.chapters.open(false);
      at("panel").hidden = !open;
      at("settings").setAttribute("aria-expanded", String(open));
      if (open) at("quality-row").hidden ? at("speed").focus() : at("quality").focus();
    }

    // ---------------------------------------------------------------- what is shown

    show() {
      const { video, stage } = this;
      const texts = this.texts();
      const duration = this.duration();
      const icon = (id, name, label) => {
        at(id).querySelector("use").setAttribute("href", `#i-${name}`);
        at(id).setAttribute("aria-label", label);
        at(id).title = label;
      };
      stage.classList.toggle("playing", !video.paused);
      icon("play", video.paused ? "play" : "pause", video.paused ? texts.play : texts.pause);
      const silent = video.muted || video.volume === 0;
      icon("mute", silent ? "muted" : "sound", silent ? texts.unmute : texts.mute);
      at("volume").value = silent ? 0 : video.volume;
      const full = Boolean(document.fullscreenElement) || stage.classList.contains("filled");
      icon("fullscreen", full ? "window" : "full", full ? texts.window : texts.fullscreen);
      const shown = this.captions.shown();
      icon("captions", "captions", shown ? texts.captionsOff : texts.captionsOn);
      at("captions").setAttribute("aria-pressed", String(shown));
      this.showTime(duration, texts);
      this.chapters.show();
      if (at("speed").value !== String(video.playbackRate)) this.fill();
    }

    showTime(duration, texts) {
      const { video } = this;
      const now = clock(video.currentTime);
      at("time").textContent = `${now} / ${clock(duration)}`;
      const seek = at("seek");
      if (!this.dragging) seek.value = duration ? 1000 * video.currentTime / duration : 0;
      seek.setAttribute("aria-valuetext", texts.ofAll(now, clock(duration)));
      const ranges = video.buffered;
      let loaded = 0;
      for (let each = 0; each < ranges.length; each += 1) {
        if (ranges.start(each) <= video.currentTime + 0.5) loaded = ranges.end(each);
      }
      seek.style.setProperty("--played", `${seek.value / 10}%`);
      seek.style.setProperty("--loaded", `${duration ? 100 * loaded / duration : 0}%`);
    }

    /** The menus, whose words depend on the language. */
    fill() {
      const texts = this.texts();
      const label = (speed) => (speed === 1 ? `1× ${texts.normal}` : `${speed}×`);
      at("speed").replaceChildren(...SPEEDS.map((speed) => option(speed, label(speed))));
      at("speed").value = String(this.video.playbackRate);
      const choices = this.captions.all.map((each) => option(each.language, each.label));
      at("caption-choice").replaceChildren(option("", texts.off), ...choices);
      at("caption-choice").value = this.captions.chosen;
      at("captions-row").hidden = at("captions").hidden = !choices.length;
      at("silence").replaceChildren(...academy.Silences.CHOICES.map((seconds) => (
        option(seconds, seconds ? texts.silenceOver(seconds) : texts.off))));
      at("silence").value = String(this.silences.longer);
      at("silence-row").hidden = !this.silences.all.length;
    }

    /** `levels` as [value, name], largest first; `shown` names what plays by itself. */
    qualities(levels, chosen, shown) {
      const { auto } = this.texts();
      at("quality-row").hidden = levels.length === 0;
      at("quality").replaceChildren(option(-1, shown ? `${auto} (${shown})` : auto),
        ...levels.map(([value, name]) => option(value, name)));
      at("quality").value = String(chosen);
    }

    say(text) {
      const hint = at("said");
      hint.textContent = text;
      hint.classList.add("seen");
      clearTimeout(this.saying);
      this.saying = setTimeout(() => hint.classList.remove("seen"), 900);
    }

    /** A small word on what was jumped over, and how much time that has saved so far. */
    jumped(seconds, all) {
      const hint = at("jumped");
      hint.textContent = this.texts().jumped(Math.max(1, Math.round(seconds)), clock(all));
      hint.classList.add("seen");
      clearTimeout(this.jumping);
      this.jumping = setTimeout(() => hint.classList.remove("seen"), 2500);
    }

    wake() {
      this.stage.classList.remove("idle");
      clearTimeout(this.sleeping);
      this.sleeping = setTimeout(() => {
        const busy = this.video.paused || !at("panel").hidden || this.dragging || !at("chapter-list").hidden
          || this.stage.querySelector(".controls :focus-visible");
        if (!busy) this.stage.classList.add("idle");
      }, IDLE_MS);
    }

    // ---------------------------------------------------------------- hands and keys

    onClick(event) {
      if (!at("panel").hidden || !at("chapter-list").hidden) {
        this.panel(false);
        this.chapters.open(false);
        return;
      }
      if (event.pointerType !== "touch") {
        this.toggle();
        return;
      }
      const box = this.stage.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const now = performance.now();
      if (now - (this.tappedAt || -Infinity) < DOUBLE_TAP_MS && (share < 0.4 || share > 0.6)) {
        const step = share < 0.5 ? -LONG_SEEK : LONG_SEEK;
        this.seekBy(step);
        this.say(step < 0 ? "−10" : "+10");
      } else if (this.stage.classList.contains("idle") || this.video.paused) this.wake();
      else this.stage.classList.add("idle");
      this.tappedAt = now;
    }

    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || at("controls").hidden) return;
      const { target } = event;
      const key = keyOf(event);
      if (target.tagName === "SELECT" && key !== "Escape") return;
      if (target.tagName === "BUTTON" && (key === " " || key === "Enter")) return;
      if (target.id === "volume" && key.startsWith("Arrow")) return;
      const action = this.action(key);
      if (!action) return;
      event.preventDefault();
      action();
      this.wake();
    }

    action(key) {
      if (/^[0-9]$/.test(key)) return () => this.seekTo(this.duration() * Number(key) / 10);
      return {
        " ": () => this.toggle(),
        k: () => this.toggle(),
        j: () => this.seekBy(-LONG_SEEK),
        l: () => this.seekBy(LONG_SEEK),
        ArrowLeft: () => this.seekBy(-SHORT_SEEK),
        ArrowRight: () => this.seekBy(SHORT_SEEK),
        ArrowUp: () => this.volume(this.video.volume + 0.1),
        ArrowDown: () => this.volume(this.video.volume - 0.1),
        m: () => this.mute(),
        f: () => this.fullscreen(),
        c: () => { this.captions.toggle(); this.show(); },
        s: () => this.toggleSilence(),
        "[": () => this.chapters.step(-1),
        "]": () => this.chapters.step(1),
        "<": () => this.stepSpeed(-1),
        ">": () => this.stepSpeed(1),
        Escape: () => {
          this.panel(false);
          this.chapters.open(false);
          this.stage.classList.remove("filled");
          this.show();
        },
      }[key.length === 1 ? key.toLowerCase() : key];
    }
  }

  Object.assign(academy, { Controls, clock });
})();
