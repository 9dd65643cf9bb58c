// The player page. Reads where the video is, waits with the viewer until it is ready, then plays it:
// hls.js where the browser has media source extensions, else the browser's own HLS (older iPhones).
"use strict";

(() => {
  const TEXTS = {
    ko: {
      waiting: "곧 변환을 시작합니다",
      waitingText: "이 페이지를 열어 두면 준비되는 대로 재생할 수 있습니다.",
      processing: "영상을 준비하고 있습니다",
      failed: "영상을 준비하지 못했습니다",
      cancelled: "변환이 취소되었습니다",
      cancelledText: "학원에 문의해 주세요.",
      closed: "열 수 없는 링크입니다",
      offline: "서버에 연결할 수 없습니다",
      offlineText: "인터넷 연결을 확인해 주세요. 자동으로 다시 시도합니다.",
      broken: "재생할 수 없습니다",
      brokenText: "페이지를 새로 고쳐 주세요. 계속되면 학원에 알려 주세요.",
      unsupported: "이 브라우저에서는 재생할 수 없습니다. 최신 브라우저를 사용해 주세요.",
      quality: "화질", auto: "자동", sound: "소리만", speed: "속도", startOver: "처음부터",
      resumed: (at) => `${at}부터 이어서 재생합니다.`,
      damaged: (saved, all) => `원본이 손상되어 ${all} 중 ${saved}만 재생할 수 있습니다.`,
      left: (time) => `약 ${time} 남음`,
      keys: "재생, 이동, 음소거, 전체 화면",
      language: "English",
      steps: {
        downloading: "원본 받는 중", probing: "원본 살펴보는 중", transcoding: "변환 중",
        validating: "결과 검사 중", thumbnail: "대표 화면 만드는 중", uploading: "저장 중",
      },
    },
    en: {
      waiting: "The conversion is about to start",
      waitingText: "Leave this page open: the video can be played as soon as it is ready.",
      processing: "The video is being prepared",
      failed: "The video could not be prepared",
      cancelled: "The conversion was cancelled",
      cancelledText: "Please ask the academy.",
      closed: "This link cannot be opened",
      offline: "The server cannot be reached",
      offlineText: "Check your connection; this page keeps trying.",
      broken: "The video cannot be played",
      brokenText: "Reload the page. If it happens again, tell the academy.",
      unsupported: "This browser cannot play the video. Please use a current one.",
      quality: "Quality", auto: "Auto", sound: "Sound only", speed: "Speed",
      startOver: "Start over",
      resumed: (at) => `Resumed at ${at}.`,
      damaged: (saved, all) => `The recording is damaged: ${saved} of ${all} can be played.`,
      left: (time) => `about ${time} left`,
      keys: "play, seek, mute, full screen",
      language: "한국어",
      steps: {
        downloading: "Fetching the recording", probing: "Looking at it",
        transcoding: "Converting", validating: "Checking the result",
        thumbnail: "Choosing a picture", uploading: "Storing",
      },
    },
  };
  const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];
  const POLL_MS = 2000;
  const SLOWEST_POLL_MS = 15000;
  const SEEK_SECONDS = 10;
  // A position this close to either end is not worth resuming.
  const EDGE_SECONDS = 10;
  const LINK_RENEWALS = 3;

  const root = document.documentElement;
  const page = document.querySelector("main");
  const at = (id) => document.getElementById(id);
  const video = at("video");
  const store = safeStorage();
  const positionKey = `academy.position.${page.dataset.video}`;

  let language = store.get("academy.language") || root.lang;
  let texts = TEXTS[language] || TEXTS.ko;
  let last = null;
  let hls = null;
  let started = false;
  let resumedAt = 0;
  let renewals = 0;
  let problem = readJson("problem");

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
      return { get: () => null, set: () => {}, drop: () => {} };
    }
  }

  function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor((whole % 3600) / 60);
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  }

  function option(value, text) {
    const element = document.createElement("option");
    element.value = String(value);
    element.textContent = text;
    return element;
  }

  // ---------------------------------------------------------------- what is shown

  function notice(title, text, { bad = false, percent = null, figures = "" } = {}) {
    at("notice").hidden = false;
    at("notice").classList.toggle("bad", bad);
    at("notice-title").textContent = title;
    at("notice-text").textContent = text;
    at("notice-progress").hidden = percent === null;
    if (percent !== null) at("notice-progress").value = percent;
    at("notice-figures").textContent = figures;
    at("controls").hidden = true;
    video.hidden = true;
  }

  function showStage() {
    at("notice").hidden = true;
    at("controls").hidden = false;
    video.hidden = false;
  }

  function showProgress(state) {
    const progress = state.progress;
    const step = texts.steps[progress.step];
    if (!step) {
      notice(texts[state.state], texts.waitingText, { percent: progress.percent });
      return;
    }
    const eta = progress.eta_seconds === null ? "" : ` · ${texts.left(clock(progress.eta_seconds))}`;
    notice(texts.processing, texts.waitingText, {
      percent: progress.percent,
      figures: `${step} · ${Math.floor(progress.percent)} %${eta}`,
    });
  }

  function translate() {
    texts = TEXTS[language] || TEXTS.ko;
    root.lang = language;
    for (const element of document.querySelectorAll("[data-text]")) {
      element.textContent = texts[element.dataset.text];
    }
    show();
  }

  function show() {
    if (problem) {
      notice(texts.closed, problem[language] || problem.en, { bad: true });
      return;
    }
    if (!last) return;
    at("title").textContent = last.title;
    document.title = last.title;
    if (last.state === "waiting" || last.state === "processing") showProgress(last);
    else if (last.state === "cancelled") notice(texts.cancelled, texts.cancelledText, { bad: true });
    else if (last.state === "failed") {
      const error = last.error;
      const text = error ? `${error.message[language]} ${error.action[language]}` : "";
      notice(texts.failed, text, { bad: true });
    } else {
      showHints();
      if (hls) fillQualities();
    }
  }

  function showHints() {
    const damage = last.damage;
    at("damage").hidden = !damage;
    if (damage) {
      at("damage").textContent = texts.damaged(
        clock(damage.saved_seconds), clock(damage.expected_seconds));
    }
    at("resumed").hidden = !resumedAt;
    if (resumedAt) at("resumed-text").textContent = texts.resumed(clock(resumedAt));
  }

  // ---------------------------------------------------------------- the state of the video

  async function readState() {
    const answer = await fetch(page.dataset.state + location.search, { cache: "no-store" });
    const body = await answer.json();
    if (answer.status === 403 || answer.status === 404) {
      const error = body.error;
      problem = {
        ko: `${error.message.ko} ${error.action.ko}`,
        en: `${error.message.en} ${error.action.en}`,
      };
      return null;
    }
    if (!answer.ok) throw new Error(`state answered ${answer.status}`);
    return body;
  }

  async function follow() {
    let pause = POLL_MS;
    for (;;) {
      try {
        last = await readState();
        pause = POLL_MS;
        show();
        if (!last || !["waiting", "processing"].includes(last.state)) break;
      } catch {
        notice(texts.offline, texts.offlineText);
        pause = Math.min(pause * 2, SLOWEST_POLL_MS);
      }
      await new Promise((done) => setTimeout(done, pause));
    }
    if (last && last.state === "ready") play(savedPosition());
  }

  // ---------------------------------------------------------------- playing

  function play(from) {
    showStage();
    showHints();
    video.poster = last.playback.poster_url;
    const master = last.playback.master_url;
    if (window.Hls && Hls.isSupported()) {
      hls = new Hls({ startPosition: from > 0 ? from : -1, capLevelToPlayerSize: true,
        maxBufferLength: 30, backBufferLength: 60 });
      hls.on(Hls.Events.MANIFEST_PARSED, fillQualities);
      hls.on(Hls.Events.LEVEL_SWITCHED, fillQualities);
      hls.on(Hls.Events.ERROR, (_, error) => error.fatal && recover(error));
      hls.loadSource(master);
      hls.attachMedia(video);
    } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
      at("quality").parentElement.hidden = true;
      video.src = master;
      video.addEventListener("loadedmetadata", () => { if (from > 0) video.currentTime = from; },
        { once: true });
    } else {
      notice(texts.broken, texts.unsupported, { bad: true });
      return;
    }
    if (from > 0) {
      resumedAt = from;
      showHints();
    }
    fillSpeeds();
    if (!started) listen();
    started = true;
  }

  async function recover(error) {
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && renewals < LINK_RENEWALS) {
      renewals += 1;
      hls.recoverMediaError();
      return;
    }
    // A link that was open over night has expired: fetch a new one and go on where we were.
    const from = video.currentTime;
    const playing = !video.paused;
    hls.destroy();
    hls = null;
    if (renewals >= LINK_RENEWALS) {
      notice(texts.broken, texts.brokenText, { bad: true });
      return;
    }
    renewals += 1;
    await new Promise((done) => setTimeout(done, POLL_MS * renewals));
    try {
      last = await readState();
    } catch {
      // Out of reach just now: what we have may work again in a moment.
    }
    if (!last || last.state !== "ready") {
      show();
      return;
    }
    play(from);
    if (playing) video.play().catch(() => {});
  }

  function fillQualities() {
    const select = at("quality");
    const chosen = hls.autoLevelEnabled ? -1 : hls.loadLevel;
    const shown = hls.levels[hls.currentLevel];
    const short = (level) => Math.min(level.width, level.height);
    const pictures = hls.levels.some((level) => level.height > 0);
    select.parentElement.hidden = !pictures;
    if (!pictures) return;
    const auto = hls.autoLevelEnabled && shown ? `${texts.auto} (${short(shown)}p)` : texts.auto;
    const levels = hls.levels.map((level, index) => [index, `${short(level)}p`]);
    levels.sort((one, other) => parseInt(other[1], 10) - parseInt(one[1], 10));
    select.replaceChildren(option(-1, auto), ...levels.map(([index, name]) => option(index, name)));
    select.value = String(chosen);
  }

  function fillSpeeds() {
    const speed = Number(store.get("academy.speed")) || 1;
    at("speed").replaceChildren(...SPEEDS.map((value) => option(value, `${value}×`)));
    at("speed").value = String(SPEEDS.includes(speed) ? speed : 1);
    video.defaultPlaybackRate = video.playbackRate = Number(at("speed").value);
  }

  function savedPosition() {
    const position = Number(store.get(positionKey));
    const end = last.duration || Infinity;
    return position > EDGE_SECONDS && position < end - EDGE_SECONDS ? position : 0;
  }

  let savedAt = 0;
  function savePosition() {
    if (Math.abs(video.currentTime - savedAt) < 3) return;
    savedAt = video.currentTime;
    store.set(positionKey, String(Math.floor(savedAt)));
  }

  function seek(seconds) {
    video.currentTime = Math.min(Math.max(0, video.currentTime + seconds), video.duration || 0);
  }

  function listen() {
    video.addEventListener("timeupdate", savePosition);
    video.addEventListener("playing", () => { renewals = 0; });
    video.addEventListener("ended", () => store.drop(positionKey));
    at("quality").addEventListener("change", (event) => {
      hls.nextLevel = Number(event.target.value);
      fillQualities();
    });
    at("speed").addEventListener("change", (event) => {
      video.playbackRate = Number(event.target.value);
      store.set("academy.speed", event.target.value);
    });
    at("back").addEventListener("click", () => seek(-SEEK_SECONDS));
    at("forward").addEventListener("click", () => seek(SEEK_SECONDS));
    at("start-over").addEventListener("click", () => {
      video.currentTime = 0;
      resumedAt = 0;
      store.drop(positionKey);
      showHints();
    });
    document.addEventListener("keydown", onKey);
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["SELECT", "BUTTON", "VIDEO"].includes(event.target.tagName) && event.key === " ") return;
    const actions = {
      " ": () => (video.paused ? video.play() : video.pause()),
      k: () => (video.paused ? video.play() : video.pause()),
      ArrowLeft: () => seek(-SEEK_SECONDS),
      ArrowRight: () => seek(SEEK_SECONDS),
      m: () => { video.muted = !video.muted; },
      f: () => (document.fullscreenElement ? document.exitFullscreen()
        : at("stage").requestFullscreen?.()),
    };
    const action = event.target.tagName === "SELECT" ? null : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  at("language").addEventListener("click", () => {
    language = language === "ko" ? "en" : "ko";
    store.set("academy.language", language);
    translate();
  });

  translate();
  if (!problem) follow();
})();
