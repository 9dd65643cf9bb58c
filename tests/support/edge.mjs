// The sample edge worker as a server of its own: node edge.mjs PORT FOLDER, with SIGNING_KEYS set.
// The folder stands for the bucket, and a map for the cache of the CDN.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

import worker from "../../deploy/edge/worker.js";

const [port, folder] = process.argv.slice(2);
const kept = new Map();

async function read(name) {
  const path = join(folder, normalize(`/${name}`));
  return readFile(path).catch(() => null);
}

const about = (data) => ({
  size: data.length, httpEtag: `"${data.length}"`, httpMetadata: { contentType: "video/mp4" },
});

const BUCKET = {
  async head(name) {
    const data = await read(name);
    return data && about(data);
  },
  async get(name, { range } = {}) {
    const data = await read(name);
    const part = data && (range ? data.subarray(range.offset, range.offset + range.length) : data);
    return data && { ...about(data), body: new Response(part).body };
  },
};

globalThis.caches = {
  default: {
    match: async (request) => (request.headers.has("Range") ? undefined
      : kept.get(request.url)?.clone()),
    put: async (request, response) => {
      const body = await response.arrayBuffer();
      kept.set(request.url, new Response(body, response));
    },
  },
};

createServer(async (incoming, outgoing) => {
  const request = new Request(`http://127.0.0.1:${port}${incoming.url}`, {
    method: incoming.method, headers: incoming.headers,
  });
  const waiting = [];
  const env = { BUCKET, SIGNING_KEYS: process.env.SIGNING_KEYS };
  const response = await worker.fetch(request, env, { waitUntil: (each) => waiting.push(each) });
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
  await Promise.all(waiting);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
