// The player page. Reads where the video is, waits with the viewer until it can be played, plays it
// (hls.js where the browser has media source extensions, else the browser's own HLS), and reports.
"use strict";

(() => {
  const { Controls, Links, Refusal, Session, Watcher, Watermark, clock } = academy;
  const POLL_MS = 2000;
  const SLOWEST_POLL_MS = 15000;
  const RESTARTS = 4;
  const RESUMED_MS = 10000;
  // A position this close to either end is not worth resuming.
  const EDGE_SECONDS = 10;
  const UNFINISHED = ["waiting", "processing"];

  const root = document.documentElement;
  const page = document.querySelector("main");
  const at = (id) => document.getElementById(id);
  const video = at("video");
  const store = safeStorage();
  const positionKey = `academy.position.${page.dataset.video}`;

  let language = store.get("academy.language") || root.lang;
  let problem = readJson("problem");
  let last = null;
  let hls = null;
  let links = null;
  let controls = null;
  let watcher = null;
  let beating = 0;
  let playsEarly = false;
  let restarts = 0;
  let resumedAt = 0;
  let stop = null;
  let beginning = false;

  const texts = () => academy.TEXTS[language] || academy.TEXTS.ko;
  const session = new Session(page.dataset.base, location.search, deviceId());

  // ---------------------------------------------------------------- small tools

  function readJson(id) {
    const element = at(id);
    return element ? JSON.parse(element.textContent) : null;
  }

  function safeStorage() {
    // Private windows of some browsers throw on the first use.
    try {
      localStorage.setItem("academy.probe", "1");
      localStorage.removeItem("academy.probe");
      return {
        get: (key) => localStorage.getItem(key),
        set: (key, value) => localStorage.setItem(key, value),
        drop: (key) => localStorage.removeItem(key),
      };
    } catch {
      const kept = new Map();
      return {
        get: (key) => kept.get(key) ?? null,
        set: (key, value) => kept.set(key, value),
        drop: (key) => kept.delete(key),
      };
    }
  }

  function deviceId() {
    let id = store.get("academy.device");
    if (!/^[a-z0-9]{32}$/.test(id || "")) {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      store.set("academy.device", id);
    }
    return id;
  }

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const inBoth = (error) => ({
    ko: `${error.message.ko} ${error.action.ko}`, en: `${error.message.en} ${error.action.en}`,
  });

  // ---------------------------------------------------------------- what is shown

  function notice(title, text, { bad = false, percent = null, figures = "", steps = [],
    again = null } = {}) {
    at("notice").hidden = false;
    at("notice").classList.toggle("bad", bad);
    at("notice-title").textContent = title;
    at("notice-text").textContent = text;
    at("notice-progress").hidden = percent === null;
    if (percent !== null) at("notice-progress").value = percent;
    at("notice-figures").textContent = figures;
    at("notice-steps").hidden = steps.length === 0;
    at("notice-steps").replaceChildren(...steps.map(stepLine));
    at("again").hidden = !again;
    at("again").textContent = texts().watchHere;
    at("again").onclick = again;
    at("controls").hidden = true;
    at("start").hidden = true;
    at("hints").hidden = true;
    video.hidden = true;
  }

  function stepLine(step) {
    const line = document.createElement("li");
    line.className = step.state;
    line.textContent = texts().steps[step.name] || step.name;
    if (step.state === "running") line.setAttribute("aria-current", "step");
    return line;
  }

  function showStage() {
    at("notice").hidden = true;
    at("controls").hidden = false;
    at("start").hidden = false;
    at("hints").hidden = false;
    video.hidden = false;
  }

  function showProgress({ state, progress }) {
    const words = texts();
    const step = words.steps[progress.step];
    const left = progress.eta_seconds;
    notice(step ? words.processing : words[state], words.waitingText, {
      percent: progress.percent,
      figures: step ? `${step} · ${Math.floor(progress.percent)} %${
        left === null ? "" : ` · ${words.left(clock(left))}`}` : "",
      steps: progress.steps || [],
    });
  }

  function translate() {
    root.lang = language;
    const words = texts();
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = words[element.dataset.text];
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", words[element.dataset.label]);
      if (element.tagName === "BUTTON") element.title = words[element.dataset.label];
    }
    if (controls) {
      controls.fill();
      controls.show();
      if (hls) fillQualities();
    }
    show();
  }

  function show() {
    const words = texts();
    if (problem) notice(words.closed, problem[language] || problem.en, { bad: true });
    else if (stop) stop();
    else if (last) showState(words);
  }

  function showState(words) {
    at("title").textContent = last.title;
    document.title = last.title;
    if (beating || last.state === "ready") showHints();
    else if (UNFINISHED.includes(last.state)) showProgress(last);
    else if (last.state === "cancelled") notice(words.cancelled, words.cancelledText, { bad: true });
    else {
      const text = last.error ? inBoth(last.error)[language] : "";
      notice(words.failed, text, { bad: true });
    }
  }

  function showHints() {
    at("warnings").replaceChildren(...(last.warnings || []).map(({ message }) => {
      const line = document.createElement("p");
      line.className = "hint warning";
      line.textContent = message[language] || message.en;
      return line;
    }));
    at("early").hidden = !playsEarly;
    at("resumed").hidden = !resumedAt;
    if (resumedAt) at("resumed-text").textContent = texts().resumed(clock(resumedAt));
  }

  /** Stop for good, or until somebody presses the button. */
  function halt(sentence, again = null) {
    endPlayback();
    stop = () => {
      const [title, text] = sentence();
      notice(title, text, { bad: !again, again });
    };
    stop();
  }

  // ---------------------------------------------------------------- the state of the video

  async function follow() {
    let wait = POLL_MS;
    for (;;) {
      try {
        last = await session.state();
        wait = POLL_MS;
        show();
        if (!UNFINISHED.includes(last.state)) break;
        if (last.early && !beating) await begin(savedPosition());
      } catch (error) {
        if (error instanceof Refusal) {
          refused(error);
          return;
        }
        if (!beating) notice(texts().offline, texts().offlineText);
        wait = Math.min(wait * 2, SLOWEST_POLL_MS);
      }
      await pause(playsEarly ? SLOWEST_POLL_MS / 3 : wait);
      if (stop) return;
    }
    if (last.state !== "ready") endPlayback();
    else await begin(playsEarly ? null : savedPosition());
    show();
  }

  function savedPosition() {
    const kept = last.resume ? last.resume.position : Number(store.get(positionKey));
    const end = last.duration || Infinity;
    return kept > EDGE_SECONDS && kept < end - EDGE_SECONDS ? kept : 0;
  }

  // ---------------------------------------------------------------- playing

  /** Begin a viewing at a position; null goes on where, and as, it plays now. */
  async function begin(position) {
    if (beginning) return;
    beginning = true;
    try {
      await start(position);
    } finally {
      beginning = false;
    }
  }

  async function start(position) {
    const goesOn = position === null;
    const from = goesOn ? video.currentTime : position;
    const playing = goesOn && !video.paused;
    const viaHls = Boolean(window.Hls && Hls.isSupported());
    if (!viaHls && !video.canPlayType("application/vnd.apple.mpegurl")) {
      halt(() => [texts().broken, texts().unsupported]);
      return;
    }
    let started = null;
    while (!started) {
      try {
        started = await session.begin(viaHls);
      } catch (error) {
        if (error instanceof Refusal) {
          refused(error);
          return;
        }
        await pause(POLL_MS);
      }
    }
    endPlayback();
    stop = null;
    playsEarly = last.state !== "ready";
    prepare(started.heartbeat_seconds);
    if (viaHls) playWithHls(started.master_url, from);
    else playNatively(started.master_url, from);
    resumedAt = !goesOn && from > 0 ? from : 0;
    showStage();
    showHints();
    controls.show();
    if (resumedAt) setTimeout(() => { resumedAt = 0; showHints(); }, RESUMED_MS);
    if (playing) video.play().catch(() => {});
  }

  function prepare(heartbeatSeconds) {
    if (!controls) {
      controls = new Controls(video, store, texts);
      watcher = new Watcher(video);
      new Watermark(last.watermark);
      video.addEventListener("timeupdate", savePosition);
      video.addEventListener("playing", () => { restarts = 0; at("start").hidden = true; });
      video.addEventListener("ended", () => store.drop(positionKey));
      at("quality").addEventListener("change", (event) => {
        hls.nextLevel = Number(event.target.value);
        fillQualities();
      });
      at("start-over").addEventListener("click", () => {
        controls.seekTo(0);
        resumedAt = 0;
        showHints();
      });
      addEventListener("pagehide", leave);
      addEventListener("pageshow", (event) => { if (event.persisted) begin(null); });
    }
    if (last.poster_url) video.poster = last.poster_url;
    controls.captions.offer(last.captions || []);
    controls.preview.offer(last.storyboard ? last.storyboard.vtt_url : "").catch(() => {});
    controls.chapters.offer(last.chapters_url || "");
    controls.silences.offer(last.silences || []);
    controls.fill();
    beating = setInterval(beat, 1000 * heartbeatSeconds);
  }

  function playWithHls(master, from) {
    links = new Links((error) => refused(error, { media: true }));
    // The page draws captions itself: hls.js is to leave the playlist's own alone.
    hls = new Hls({ ...links.loaders(), startPosition: from, capLevelToPlayerSize: true,
      maxBufferLength: 30, maxMaxBufferLength: 30, backBufferLength: 60, enableWebVTT: false });
    for (const name of ["MANIFEST_PARSED", "LEVEL_SWITCHED", "LEVELS_UPDATED"]) {
      hls.on(Hls.Events[name], fillQualities);
    }
    hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) recover(error); });
    hls.loadSource(master);
    hls.attachMedia(video);
  }

  function playNatively(master, from) {
    at("quality-row").hidden = true;
    video.src = master;
    video.addEventListener("loadedmetadata", () => { if (from > 0) video.currentTime = from; },
      { once: true });
    video.onerror = () => recover(null);
  }

  function endPlayback() {
    clearInterval(beating);
    beating = 0;
    if (hls) hls.destroy();
    hls = links = null;
    video.onerror = null;
    if (!video.paused) video.pause();
    video.removeAttribute("src");
  }

  async function recover(error) {
    if (error && error.type === Hls.ErrorTypes.MEDIA_ERROR && restarts < 2) {
      restarts += 1;
      hls.recoverMediaError();
      return;
    }
    if (restarts >= RESTARTS) {
      halt(() => [texts().broken, texts().brokenText]);
      return;
    }
    restarts += 1;
    if (hls) hls.stopLoad();
    await pause(POLL_MS * restarts);
    if (!stop) await begin(null);
  }

  function fillQualities() {
    if (!hls) return;
    const short = (level) => Math.min(level.width, level.height);
    const name = (level) => `${short(level)}p${/^av01/.test(level.videoCodec) ? " AV1" : ""}`;
    const pictures = hls.levels.map((level, index) => [index, level])
      .filter(([, level]) => level.height > 0)
      .sort(([, one], [, other]) => short(other) - short(one));
    const playing = hls.levels[hls.currentLevel];
    controls.qualities(pictures.map(([index, level]) => [index, name(level)]),
      hls.autoLevelEnabled ? -1 : hls.loadLevel,
      hls.autoLevelEnabled && playing && playing.height ? name(playing) : "");
  }

  // ---------------------------------------------------------------- reports, and their answers

  async function beat() {
    const report = watcher.take();
    try {
      await session.beat(report);
      return true;
    } catch (error) {
      if (error instanceof Refusal) refused(error);
      else watcher.putBack(report);
      return false;
    }
  }

  function leave() {
    if (!beating) return;
    watcher.tick();
    session.beat(watcher.take(), { leaving: true }).catch(() => {});
  }

  /** What the platform's refusals mean for who is watching. */
  function refused(error, { media = false } = {}) {
    if (stop || problem) return;
    if (error.code === "playback_viewing_ended") {
      // Silence is forgiven where nobody else has begun since: one word decides.
      if (error.details.because === "missed" && beating && !refused.asked) {
        refused.asked = true;
        beat().then((goesOn) => { if (goesOn) begin(null); })
          .finally(() => { refused.asked = false; });
        return;
      }
      const from = video.currentTime;
      const again = () => { stop = null; begin(from || savedPosition()); };
      halt(() => [texts().replaced, texts().replacedText], again);
    } else if (media && ["playback_link_invalid", "playback_link_expired"].includes(error.code)) {
      // The lecture was replaced, or has been open for half a day: the page's link may still be good.
      begin(null);
    } else {
      const said = inBoth(error.error);
      const title = beating ? "stopped" : "closed";
      halt(() => [texts()[title], said[language] || said.en]);
    }
  }

  let savedAt = 0;
  function savePosition() {
    if (Math.abs(video.currentTime - savedAt) < 3) return;
    savedAt = video.currentTime;
    store.set(positionKey, String(Math.floor(savedAt)));
  }

  at("language").addEventListener("click", () => {
    language = language === "ko" ? "en" : "ko";
    store.set("academy.language", language);
    translate();
  });

  translate();
  if (!problem) follow();
})();
