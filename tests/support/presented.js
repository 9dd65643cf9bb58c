// What a browser presents of a lecture that its page plays from `begin`, in window.presented.
// Pictures are known by their own times and sound by its samples, which no busy machine blurs.
async (begin) => {
  const video = document.getElementById("video");
  const LOUD = 0.1;
  // A decoder fades in after a seek; nothing at all comes before that.
  const AUDIBLE = 1e-5;
  const QUIET_SECONDS = 0.5;

  const presented = { times: [], beeps: [] };
  window.presented = presented;
  const decoded = () => video.getVideoPlaybackQuality().totalVideoFrames;
  const before = decoded();

  const [width, height] = [16, 9];
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });

  /** The mean of green of what is shown now, 0 to 255. */
  function brightness() {
    canvas.drawImage(video, 0, 0, width, height);
    const { data } = canvas.getImageData(0, 0, width, height);
    let sum = 0;
    for (let at = 1; at < data.length; at += 4) sum += data[at];
    return sum / (width * height);
  }

  function look(_, { mediaTime }) {
    presented.times.push(mediaTime);
    video.requestVideoFrameCallback(look);
  }

  /** Show one picture of the paused video; its time and how bright it is. */
  presented.show = (seconds) => new Promise((done) => {
    video.requestVideoFrameCallback((_, { mediaTime }) => done([mediaTime, brightness()]));
    video.currentTime = seconds;
  });

  // The first sample that is heard is where playing began: all else is counted from there.
  async function listen(track) {
    const options = { track, maxBufferSize: 10000 };
    const reader = new MediaStreamTrackProcessor(options).readable.getReader();
    let first = null;
    let heard = 0;
    let loud = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      samples.forEach((sample, at) => {
        if (first === null && Math.abs(sample) > AUDIBLE) first = loud = heard + at;
        if (Math.abs(sample) < LOUD) return;
        const quiet = heard + at - loud;
        loud = heard + at;
        if (quiet < QUIET_SECONDS * value.sampleRate) return;
        presented.beeps.push(begin + (loud - first) / value.sampleRate);
      });
      heard += samples.length;
      value.close();
    }
  }

  const context = new AudioContext({ sampleRate: 48000 });
  const output = context.createMediaStreamDestination();
  context.createMediaElementSource(video).connect(output);
  listen(output.stream.getAudioTracks()[0]);
  video.requestVideoFrameCallback(look);
  await new Promise((done) => {
    video.addEventListener("seeked", done, { once: true });
    video.currentTime = begin;
  });
  video.addEventListener("ended", () => { presented.frames = decoded() - before; });
  const start = document.getElementById("start");
  start.addEventListener("click", () => context.resume(), { capture: true });
}
