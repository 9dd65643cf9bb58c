import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, test } from "node:test";

import worker, { check, parseKeys, parseRange } from "./worker.js";

const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
const SIGNING_KEYS = Object.entries(vectors.keys).map((pair) => pair.join(":")).join(",");
const KEYS = parseKeys(SIGNING_KEYS);
const OBJECT = "t/0199/jobs/0199/a1/720p_00000.m4s";
const DATA = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);

function linkOf({ path, exp, pv, kid, sig }) {
  return new URL(`https://video.example.kr${path}?exp=${exp}&pv=${pv}&kid=${kid}&sig=${sig}`);
}

async function sign(path, { exp = Math.floor(Date.now() / 1000) + 60, pv = 1, kid = "k1" } = {}) {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", encoder.encode(KEYS.get(kid)),
    { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const text = ["academy-cdn-1", kid, path, exp, pv].join("\n");
  const mac = await crypto.subtle.sign("HMAC", key, encoder.encode(text));
  return linkOf({ path, exp, pv, kid, sig: Buffer.from(mac).toString("base64url") });
}

/** What R2 and Cloudflare's cache do with the calls that the worker makes. */
class Bucket {
  reads = [];

  info(name) {
    return name === OBJECT
      ? { size: DATA.length, httpEtag: '"e1"', httpMetadata: { contentType: "video/mp4" } } : null;
  }

  async head(name) {
    this.reads.push(["head", name]);
    return this.info(name);
  }

  async get(name, { range } = {}) {
    this.reads.push(["get", name, range]);
    const info = this.info(name);
    const body = range ? DATA.slice(range.offset, range.offset + range.length) : DATA;
    return info && { ...info, body: new Response(body).body };
  }
}

class Cache {
  kept = new Map();

  async put(request, response) {
    assert.equal(response.status, 200, "a cache takes whole answers only");
    this.kept.set(request.url, [await response.arrayBuffer(), new Headers(response.headers)]);
  }

  async match(request) {
    const [data, headers] = this.kept.get(request.url) ?? [];
    if (!data) return undefined;
    const range = parseRange(request.headers.get("Range"), data.byteLength);
    if (!range) return new Response(data, { headers });
    const end = range.offset + range.length;
    const part = new Headers(headers);
    part.set("Content-Length", String(range.length));
    part.set("Content-Range", `bytes ${range.offset}-${end - 1}/${data.byteLength}`);
    return new Response(data.slice(range.offset, end), { status: 206, headers: part });
  }
}

let bucket;
let waiting;

beforeEach(() => {
  bucket = new Bucket();
  waiting = [];
  globalThis.caches = { default: new Cache() };
});

async function ask(url, { keys = SIGNING_KEYS, ...options } = {}) {
  const env = { BUCKET: bucket, SIGNING_KEYS: keys };
  const context = { waitUntil: (promise) => waiting.push(promise) };
  const response = await worker.fetch(new Request(url, options), env, context);
  await Promise.all(waiting);
  return response;
}

for (const link of vectors.links) {
  test(`vector: ${link.what}`, async () => {
    assert.equal(await check(linkOf(link), KEYS, link.now), link.verdict);
  });
}

test("every changed character of a signature is noticed", async () => {
  const [good] = vectors.links;
  for (let at = 0; at < good.sig.length; at += 1) {
    const other = good.sig[at] === "A" ? "B" : "A";
    const sig = good.sig.slice(0, at) + other + good.sig.slice(at + 1);
    assert.equal(await check(linkOf({ ...good, sig }), KEYS, good.now), "cdn_link_invalid");
  }
});

test("a repeated or missing parameter is refused", async () => {
  const url = linkOf(vectors.links[0]);
  for (const name of ["exp", "pv", "kid", "sig"]) {
    const repeated = new URL(url);
    repeated.searchParams.append(name, url.searchParams.get(name));
    assert.equal(await check(repeated, KEYS, 0), "cdn_link_invalid");
    const missing = new URL(url);
    missing.searchParams.delete(name);
    assert.equal(await check(missing, KEYS, 0), "cdn_link_invalid");
  }
});

test("a good link gets the object, for any origin and for ever", async () => {
  const response = await ask(await sign(`/${OBJECT}`));
  assert.equal(response.status, 200);
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), DATA);
  assert.equal(response.headers.get("Access-Control-Allow-Origin"), "*");
  assert.equal(response.headers.get("Content-Type"), "video/mp4");
  assert.match(response.headers.get("Cache-Control"), /immutable/);
});

test("a bad or expired link gets nothing, and nobody keeps the answer", async () => {
  const forged = await sign(`/${OBJECT}`);
  forged.searchParams.set("pv", "2");
  for (const url of [forged, await sign(`/${OBJECT}`, { exp: 1 })]) {
    const response = await ask(url);
    assert.equal(response.status, 403);
    assert.equal(response.headers.get("Cache-Control"), "no-store");
    assert.equal(response.headers.get("Access-Control-Allow-Origin"), "*");
  }
  assert.deepEqual(bucket.reads, []);
});

test("a cached object is kept from who has no link to it", async () => {
  await ask(await sign(`/${OBJECT}`));
  assert.equal((await ask(`https://video.example.kr/${OBJECT}`)).status, 403);
});

test("a second link to the same object does not read the bucket again", async () => {
  await ask(await sign(`/${OBJECT}`));
  const before = bucket.reads.length;
  const other = await sign(`/${OBJECT}`, { pv: 9, kid: "k2" });
  const response = await ask(other, { headers: { Range: "bytes=10-19" } });
  assert.equal(response.status, 206);
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), DATA.slice(10, 20));
  assert.equal(bucket.reads.length, before);
});

test("a range is read from the bucket alone, and the whole is kept for the next", async () => {
  const response = await ask(await sign(`/${OBJECT}`), { headers: { Range: "bytes=990-" } });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get("Content-Range"), "bytes 990-999/1000");
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), DATA.slice(990));
  assert.deepEqual(bucket.reads[2], ["get", OBJECT, { offset: 990, length: 10 }]);
  assert.equal(caches.default.kept.size, 1);
});

test("ranges are read as RFC 9110 says", () => {
  assert.deepEqual(parseRange("bytes=0-0", 10), { offset: 0, length: 1 });
  assert.deepEqual(parseRange("bytes=5-99", 10), { offset: 5, length: 5 });
  assert.deepEqual(parseRange("bytes=-3", 10), { offset: 7, length: 3 });
  assert.deepEqual(parseRange("bytes=-30", 10), { offset: 0, length: 10 });
  assert.equal(parseRange("bytes=10-", 10), "unsatisfiable");
  assert.equal(parseRange("bytes=-0", 10), "unsatisfiable");
  for (const text of [null, "", "bytes=-", "bytes=3-2", "bytes=0-1,3-4", "items=0-1"]) {
    assert.equal(parseRange(text, 10), null, String(text));
  }
});

test("a range behind the end says how long the object is", async () => {
  const response = await ask(await sign(`/${OBJECT}`), { headers: { Range: "bytes=1000-" } });
  assert.equal(response.status, 416);
  assert.equal(response.headers.get("Content-Range"), "bytes */1000");
});

test("HEAD tells of the object without its bytes", async () => {
  const response = await ask(await sign(`/${OBJECT}`), { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("Content-Length"), "1000");
  assert.equal((await response.arrayBuffer()).byteLength, 0);
});

test("what is not there, or no name at all, is a 404", async () => {
  assert.equal((await ask(await sign("/t/none.m4s"))).status, 404);
  assert.equal((await ask(await sign("/t/%ff.m4s"))).status, 404);
});

test("a browser may ask for ranges from another origin, and nothing may be written", async () => {
  const allowed = await ask(`https://video.example.kr/${OBJECT}`, { method: "OPTIONS" });
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get("Access-Control-Allow-Headers"), "Range");
  const url = await sign(`/${OBJECT}`);
  assert.equal((await ask(url, { method: "PUT", body: "x" })).status, 405);
});

test("a worker without its secret, or with a malformed one, serves nothing", async () => {
  const url = await sign(`/${OBJECT}`);
  const said = console.error;
  console.error = () => {};
  try {
    for (const keys of ["", undefined, "k1:short", "k1", `${SIGNING_KEYS},`, "K 1:" + "x".repeat(40)]) {
      assert.equal((await ask(url, { keys: keys ?? "" })).status, 503);
    }
  } finally {
    console.error = said;
  }
});
