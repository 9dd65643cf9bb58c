// Serves the video bucket to whoever holds a link that the platform has signed.
//
// The link and its canonical string are described in academy/video/cdn.py. The worker asks nobody:
// it knows the keys (SIGNING_KEYS), the clock and the bucket (BUCKET, an R2 binding). Objects are
// cached by their path alone, so that a class that watches together reads each from R2 once,
// whoever's links they come by.

const SCHEME = "academy-cdn-1";
// Larger objects (downloads) are read from R2 in ranges and not kept.
const CACHE_LIMIT = 64 * 1024 * 1024;
const IMMUTABLE = "public, max-age=31536000, immutable";
const NAME = /^[a-z0-9]{1,16}$/;
const SECRET = /^[A-Za-z0-9_-]{32,128}$/;
const NUMBER = /^(0|[1-9][0-9]{0,14})$/;
const SIGNATURE = /^[A-Za-z0-9_-]{43}$/;
const PARAMETERS = ["exp", "pv", "kid", "sig"];

export default {
  async fetch(request, env, context) {
    if (request.method === "OPTIONS") return preflight();
    if (request.method !== "GET" && request.method !== "HEAD") {
      return refusal(405, "method_not_allowed", { Allow: "GET, HEAD, OPTIONS" });
    }
    let keys;
    try {
      keys = parseKeys(env.SIGNING_KEYS);
    } catch (error) {
      // Never unsigned: a worker without its secret serves nothing.
      console.error(error.message);
      return refusal(503, "cdn_not_configured");
    }
    const url = new URL(request.url);
    const problem = await check(url, keys, Date.now() / 1000);
    return problem ? refusal(403, problem) : serve(request, url, env.BUCKET, context);
  },
};

/** The keys of "ID:SECRET,ID:SECRET" by id. Throws where there is none, or one is malformed. */
export function parseKeys(text) {
  const keys = new Map();
  for (const entry of (text ?? "").split(",")) {
    const [name, secret, ...rest] = entry.trim().split(":");
    if (!NAME.test(name) || !SECRET.test(secret ?? "") || rest.length) {
      throw new Error("SIGNING_KEYS must be ID:SECRET[,ID:SECRET]");
    }
    keys.set(name, secret);
  }
  return keys;
}

/** Why a link is refused, as a code; null where it is good. `now` in seconds since 1970. */
export async function check(url, keys, now) {
  const query = url.searchParams;
  if (PARAMETERS.some((name) => query.getAll(name).length !== 1)) return "cdn_link_invalid";
  const [expires, policy, name, signature] = PARAMETERS.map((each) => query.get(each));
  const secret = keys.get(name);
  if (!secret || !NUMBER.test(expires) || !NUMBER.test(policy) || !SIGNATURE.test(signature)) {
    return "cdn_link_invalid";
  }
  const canonical = [SCHEME, name, url.pathname, expires, policy].join("\n");
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey(
    "raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  // verify() compares in constant time.
  const good = await crypto.subtle.verify("HMAC", key, bytes(signature), encoder.encode(canonical));
  // 43 characters hold two spare bits: only the one spelling that was given out is a signature.
  if (!good || spelled(bytes(signature)) !== signature) return "cdn_link_invalid";
  return now < Number(expires) ? null : "cdn_link_expired";
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/") + "=");
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function spelled(data) {
  const text = btoa(String.fromCharCode(...data));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function serve(request, url, bucket, context) {
  const address = url.origin + url.pathname;
  const wanted = request.headers.get("Range");
  const kept = await caches.default.match(
    new Request(address, wanted ? { headers: { Range: wanted } } : {}));
  if (kept) return withoutBody(request, crossOrigin(kept));

  let name;
  try {
    name = decodeURIComponent(url.pathname.slice(1));
  } catch {
    return refusal(404, "object_missing");
  }
  const info = await bucket.head(name);
  if (!info) return refusal(404, "object_missing");
  if (request.method === "HEAD") return new Response(null, { headers: headersOf(info, info.size) });
  const range = parseRange(wanted, info.size);
  if (range === "unsatisfiable") {
    return refusal(416, "range_not_satisfiable", { "Content-Range": `bytes */${info.size}` });
  }
  const keeps = info.size <= CACHE_LIMIT;
  if (range && keeps) context.waitUntil(keep(address, bucket, name));
  const object = await bucket.get(name, range ? { range } : {});
  if (!object) return refusal(404, "object_missing");
  const headers = headersOf(info, range ? range.length : info.size);
  if (!range) {
    const whole = new Response(object.body, { headers });
    if (keeps) context.waitUntil(caches.default.put(new Request(address), whole.clone()));
    return whole;
  }
  const last = range.offset + range.length - 1;
  headers.set("Content-Range", `bytes ${range.offset}-${last}/${info.size}`);
  return new Response(object.body, { status: 206, headers });
}

/** Put a whole object into the cache; the next request, for any part of it, finds it there. */
async function keep(address, bucket, name) {
  const object = await bucket.get(name);
  if (!object) return;
  const response = new Response(object.body, { headers: headersOf(object, object.size) });
  await caches.default.put(new Request(address), response);
}

/** One range as {offset, length}; null for the whole object, which is also what several get. */
export function parseRange(text, size) {
  const found = /^bytes=([0-9]*)-([0-9]*)$/.exec((text ?? "").trim());
  if (!found || (found[1] === "" && found[2] === "")) return null;
  if (found[1] === "") {
    const length = Math.min(Number(found[2]), size);
    return length ? { offset: size - length, length } : "unsatisfiable";
  }
  const first = Number(found[1]);
  const last = found[2] === "" ? size - 1 : Math.min(Number(found[2]), size - 1);
  if (found[2] !== "" && Number(found[2]) < first) return null;
  return first < size ? { offset: first, length: last - first + 1 } : "unsatisfiable";
}

function headersOf(object, length) {
  return corsHeaders({
    "Content-Type": object.httpMetadata?.contentType ?? "application/octet-stream",
    "Content-Length": String(length),
    "Cache-Control": IMMUTABLE,
    ETag: object.httpEtag,
    "Accept-Ranges": "bytes",
  });
}

// The link is the credential and no cookie is read, so that any origin may.
function corsHeaders(extra) {
  return new Headers({
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Timing-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    ...extra,
  });
}

function crossOrigin(kept) {
  const response = new Response(kept.body, kept);
  for (const [name, value] of corsHeaders({})) response.headers.set(name, value);
  return response;
}

function withoutBody(request, response) {
  return request.method === "HEAD" ? new Response(null, response) : response;
}

function preflight() {
  const headers = corsHeaders({
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Max-Age": "86400",
  });
  return new Response(null, { status: 204, headers });
}

function refusal(status, code, extra = {}) {
  const headers = corsHeaders({
    "Content-Type": "application/json", "Cache-Control": "no-store", ...extra,
  });
  return new Response(JSON.stringify({ error: { code } }), { status, headers });
}
