// Says whether bytes are a genuine certificate, in the memory of whoever asks: nothing of the file leaves it. It runs in
// browsers and in node, and takes the same steps as the collector's own check (collector/certificates/examine.py); a
// test holds the two against each other.

import { RECORD } from "./record.js";

export const MOST_BYTES = 64 * 1024;
export const MOST_OF_A_PAGE = 2 * 1024 * 1024;
export const DEEPEST = 32;
const MOST_STREAMS = 20;
const LONGEST_DICTIONARY = 1024;
const TYPE = "benchwipe-certificate+jws";
const SCHEMA = "benchwipe.certificate/1";
const ALGS = ["EdDSA", "Ed25519"]; // two names of one signature: RFC 8037, RFC 9864
const QUESTIONS = ["account-removed", "reset-done", "start-screen-empty", "cards-removed"];
const ATTESTED = "attested factory reset";
const AGAIN = ["BW-E60", "BW-E61", "BW-S33", "BW-S34"]; // failed, and the drive is not to blame
// RFC 8032, section 7.1, test 2: whether what answers here to the name Ed25519 is it.
const PROBE_KEY = "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw";
const PROBE_SIGNATURE = "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA";

class Problem extends Error {
  constructor(verdict, code, told) {
    super(told);
    this.verdict = verdict;
    this.code = code;
  }
}
const noCertificate = (code, told) => new Problem("no_certificate", code, told);
const doesNotHold = (code, told) => new Problem("does_not_hold", code, told);

/** Whether this program can check Ed25519 signatures: only tried, never guessed from its name. */
export async function canCheck() {
  try {
    const key = await importKey(PROBE_KEY);
    const signature = unb64(PROBE_SIGNATURE);
    const right = await crypto.subtle.verify("Ed25519", key, signature, Uint8Array.of(0x72));
    const wrong = await crypto.subtle.verify("Ed25519", key, signature, Uint8Array.of(0x73));
    return right === true && wrong === false;
  } catch {
    return false; // an old browser, or a page that did not come by https
  }
}

/**
 * Examine a file. `findKey(kid)` answers with the enrolled key as a JWK, or null.
 * The answer: {verdict, code, problem, id, kid, key, facts}; verdict is "holds", "does_not_hold", "unknown_key",
 * "no_certificate" or "cannot_check"; facts (of a certificate that holds, else null) are those that anybody may see.
 */
export async function examine(file, findKey) {
  const found = { verdict: "cannot_check", code: "ed25519", problem: "", id: "", kid: "", key: null, facts: null };
  if (!(await canCheck())) return { ...found, problem: "this browser has no Ed25519" };
  try {
    const compact = await certificateIn(file);
    found.id = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", compact)));
    const { kid, payload, signature, signingInput } = openParts(compact);
    found.kid = kid;
    const key = await findKey(kid);
    if (!key) throw new Problem("unknown_key", "key", "it is signed with a key that is not known here");
    if ((await thumbprint(key)) !== kid) throw new Problem("unknown_key", "key", "another key was given for its name");
    const imported = await importKey(key.x);
    if (!(await crypto.subtle.verify("Ed25519", imported, signature, signingInput))) {
      throw doesNotHold("signature", "the signature does not fit its contents");
    }
    const record = readRecord(payload);
    for (const problem of emptyClaims(record)) throw doesNotHold("claims", problem);
    return { ...found, verdict: "holds", code: "", key, facts: publicFacts(record) };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem; // the keys could not be asked for: that is no verdict
    return { ...found, verdict: problem.verdict, code: problem.code, problem: problem.message };
  }
}

/** What anybody may see of a certificate: no customer, no tag, no person. */
export function publicFacts(record) {
  const { vendor = null, model = null, serial = null, wwn = null } = record.drive;
  return {
    number: record.number,
    claim: claimOf(record),
    outcome: record.outcome,
    level: record.sanitization.level,
    drive: { vendor, model, serial, wwn },
    finished_at: record.finished_at,
    clock_synchronised: record.clock.synchronised,
    station: record.station.id,
  };
}

/** What it may be shown as: "erased" alone is only said of a drive that was read back. */
export function claimOf(record) {
  if (record.outcome === "failed" && record.reason && AGAIN.includes(record.reason.code)) return "again";
  if (record.outcome === "erased" && record.attestation) return "attested";
  return record.outcome === "erased" && record.verification.kind === "none" ? "unread" : record.outcome;
}

// --- the file ----------------------------------------------------------------------------------------------------------

/** The certificate itself: without an editor's end of line, or out of the page that it is attached to. */
async function certificateIn(file) {
  if (startsWith(file, 0, "%PDF-")) {
    if (file.length > MOST_OF_A_PAGE) throw noCertificate("size", `more than ${MOST_OF_A_PAGE} bytes`);
    const found = await attached(file);
    if (found.length === 1) return found[0];
    throw noCertificate("page", found.length ? "more than one file is attached to it" : "nothing is attached to it");
  }
  let end = file.length;
  if (end && file[end - 1] === 10) end -= end > 1 && file[end - 2] === 13 ? 2 : 1;
  if (end > MOST_BYTES) throw noCertificate("size", `more than ${MOST_BYTES} bytes`);
  if (!end) throw noCertificate("empty", "the file is empty");
  return file.subarray(0, end);
}

/** Each stream whose dictionary says that it is an attached file (ISO 32000-1, 7.11.4), unpacked within a bound. */
async function attached(page) {
  const text = Array.from({ length: Math.ceil(page.length / 8192) }, (_, n) =>
    String.fromCharCode(...page.subarray(n * 8192, (n + 1) * 8192)),
  ).join("");
  const found = [];
  const named = /\/EmbeddedFile\b/g;
  for (let n = 0, hit; n < MOST_STREAMS && (hit = named.exec(text)); n += 1) {
    const begins = text.indexOf("stream", named.lastIndex);
    if (begins < 0 || begins > named.lastIndex + LONGEST_DICTIONARY) continue;
    const before = text.slice(Math.max(0, hit.index - LONGEST_DICTIONARY), begins);
    const dictionary = before.slice(before.lastIndexOf(" obj"));
    const start = begins + (text.startsWith("stream\r\n", begins) ? 8 : 7);
    const body = page.subarray(start, start + MOST_BYTES + LONGEST_DICTIONARY);
    if (dictionary.includes("/FlateDecode")) {
      const unpacked = await inflate(body);
      if (unpacked.length) found.push(unpacked);
    } else {
      const end = text.indexOf("endstream", start);
      found.push(page.subarray(start, Math.max(start, text.slice(0, end).trimEnd().length)));
    }
  }
  return found;
}

async function inflate(body) {
  const unpacking = new DecompressionStream("deflate");
  const writer = unpacking.writable.getWriter();
  writer.write(body).catch(() => {});
  writer.close().catch(() => {}); // what follows the stream is no part of it, and is said to be wrong after its end
  const reader = unpacking.readable.getReader();
  const pieces = [];
  let length = 0;
  try {
    for (let piece; length <= MOST_BYTES && !(piece = await reader.read()).done; length += piece.value.length) {
      pieces.push(piece.value);
    }
  } catch {
    // as above
  }
  reader.cancel().catch(() => {});
  const whole = new Uint8Array(length);
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole.subarray(0, MOST_BYTES + 1);
}

// --- its parts ---------------------------------------------------------------------------------------------------------

function openParts(compact) {
  if (compact.length > MOST_BYTES) throw noCertificate("size", `more than ${MOST_BYTES} bytes`);
  if (startsWith(compact, 0, "\xef\xbb\xbf") || startsWith(compact, 0, "\xff\xfe") || startsWith(compact, 0, "\xfe\xff")) {
    throw noCertificate("bom", "an editor put a byte order mark before it: take the file as it was");
  }
  const text = Array.from(compact, (byte) => String.fromCharCode(byte)).join("");
  const parts = text.split(".");
  if (parts.length !== 3) throw noCertificate("parts", "it is not three parts joined by dots (JWS compact)");
  const [head, payload, signature] = parts.map(unb64);
  const header = head && readJson(head, "header");
  if (!isObject(header) || !payload || !signature) {
    throw noCertificate("parts", "its parts are not base64url of a JSON header, a payload and a signature");
  }
  if (!ALGS.includes(header.alg) || header.typ !== TYPE) {
    throw noCertificate("header", `its header is not alg EdDSA or Ed25519, typ ${TYPE}`);
  }
  if (typeof header.kid !== "string" || !/^[A-Za-z0-9_-]{43}$/.test(header.kid) || "crit" in header) {
    throw noCertificate("header", "its header names no key, or asks for extensions that nobody defined");
  }
  readJson(payload, "payload"); // a field that stands twice, or a nest of brackets
  const length = parts[0].length + 1 + parts[1].length;
  return { kid: header.kid, payload, signature, signingInput: compact.subarray(0, length) };
}

function readRecord(payload) {
  const record = readJson(payload, "payload");
  if (record === undefined) throw doesNotHold("contents", "its payload is no JSON that every reader reads alike");
  const place = misfit(record, RECORD);
  if (place !== null) throw doesNotHold("contents", `its payload does not fit ${SCHEMA}: ${place}`);
  if ((record.schema ?? SCHEMA) !== SCHEMA) throw doesNotHold("contents", `unknown schema ${record.schema}`);
  return record;
}

/** JSON as UTF-8, or undefined where it is none. Problem where readers would differ over what it says. */
function readJson(bytes, word) {
  const doubled = scan(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), word);
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (doubled) throw noCertificate("twice", `its ${word} says a field twice`);
  return /[\ud800-\udfff]/u.test(texts(value)) ? undefined : value; // half of a pair is no character
}

/** Every text of a value, joined: a lone surrogate in one of them is no character. */
function texts(value) {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object") return "";
  return Object.entries(value)
    .map(([name, inner]) => `${name}\n${texts(inner)}`)
    .join("\n");
}

/** Whether an object says a field twice. Problem where it is nested too deep, before any reader's stack meets it. */
function scan(text, word) {
  let doubled = false;
  const open = []; // of each level the names that were seen in it, or null in a list
  let name = null; // a text that may turn out to be a name
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\[^][^"\\]*)*\\?"?|[[\]{}:,]/g)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > DEEPEST) throw noCertificate("depth", `its ${word} is nested deeper than ${DEEPEST} levels`);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":" && name !== null && open.at(-1)) {
      doubled ||= open.at(-1).has(name);
      open.at(-1).add(name);
    }
    name = token[0] === '"' ? unescaped(token) : null;
  }
  return doubled;
}

/** A text of JSON without its escapes, so that two ways of writing one name are one. */
function unescaped(token) {
  try {
    return JSON.parse(token);
  } catch {
    return token;
  }
}

// --- what it claims ----------------------------------------------------------------------------------------------------

const LETTERS = {
  s: (value) => typeof value === "string",
  i: (value) => Number.isInteger(value),
  f: (value) => Number.isFinite(value),
  b: (value) => typeof value === "boolean",
  n: (value) => value === null,
  a: () => true,
};

/** Where a value does not fit its shape (record.js): the path of the first such place, or null. */
function misfit(value, shape, path = "$") {
  const inner = (name, part) => misfit(value[name], part, `${path}.${name}`);
  const first = (names, part) => names.reduce((found, name) => found ?? inner(name, part(name)), null);
  if (typeof shape === "string") return LETTERS[shape](value) ? null : path;
  if (shape.e) return shape.e.includes(value) ? null : path;
  if (shape.u) return shape.u.some((one) => misfit(value, one) === null) ? null : deepest(value, shape.u, path);
  if (shape.l) return Array.isArray(value) ? first([...value.keys()], () => shape.l) : path;
  if (!isObject(value)) return path;
  if (shape.m) return first(Object.keys(value), () => shape.m);
  const missing = shape.r.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${path}.${missing}`;
  return first(Object.keys(shape.o).filter((name) => Object.hasOwn(value, name)), (name) => shape.o[name]);
}

/** Of several shapes that do not fit, the place that the one which came farthest tells. */
function deepest(value, shapes, path) {
  const places = shapes.map((one) => misfit(value, one, path));
  return places.reduce((longest, place) => (place.length > longest.length ? place : longest), path);
}

/** What is said without what it takes: agent/certificates/certificate.py, refuse_empty_claims. */
function* emptyClaims(record) {
  yield* attestationProblems(record);
  const { sanitization: done, verification: read, drive } = record;
  if (record.outcome !== "erased") {
    if (done.level !== "none") yield `outcome "${record.outcome}" claims level "${done.level}"`;
    return;
  }
  const passes = done.passes ?? [];
  const commands = done.commands ?? [];
  const bytes = read.bytes ?? 0;
  if (record.unreached?.length) yield "it says erased, and lists ranges that were not reached";
  if (!passes.length && !commands.length && !record.attestation) {
    yield "it says erased, and names neither a pass nor a command";
  }
  if (passes.some((pass) => pass.finished_at === null || pass.bytes !== drive.capacity_bytes)) {
    yield "it says erased, and a pass did not cover the whole drive";
  }
  if (record.capacity_proof?.result === "failed") {
    yield "it says erased, and its drive has not the capacity that it shows";
  }
  if (read.mismatches?.length) yield "it says erased, and lists mismatches";
  if (read.result === "failed") yield "it says erased, and its verification failed";
  if (read.writes && read.writes.seen > read.writes.ours) {
    yield "it says erased, and somebody else wrote to the drive meanwhile";
  }
  if (read.kind !== "none" && read.result !== "passed") yield "it says erased, and its verification was not run";
  if (read.kind === "full" && bytes !== drive.capacity_bytes) {
    yield "it says erased, and its full verification did not read the whole drive";
  }
  if (read.blake3 != null && read.expected_blake3 != null && read.blake3 !== read.expected_blake3) {
    yield "it says erased, and the drive's hash is not the expected one";
  }
  if (read.kind === "sample" && !(read.sample && bytes)) {
    yield "it says erased, and its sampled verification names no sample";
  }
  if (!["overwrite", "none"].includes(done.technique) && !record.attestation) {
    yield* firmwareProblems(commands, read.sentinels, passes);
  }
}

function* firmwareProblems(commands, sentinels, passes) {
  if (!commands.some((command) => command.status.startsWith("completed"))) {
    yield "it says erased, and no command of the drive's firmware is completed";
  }
  if (!sentinels || sentinels.count < 1) yield "it says erased, and no sentinel was looked for";
  if (sentinels?.survived > 0) yield "it says erased, and sentinels survived";
  if (sentinels?.unreadable > 0 && !passes.length) yield "it says erased, and sentinels could not be looked for";
}

function* attestationProblems(record) {
  const { attestation: said, sanitization: done, verification: read } = record;
  if (!said !== (done.technique !== ATTESTED)) {
    yield "an attestation and its technique belong together";
    return;
  }
  if (!said) return;
  const listed = [done.passes, done.commands, record.unreached, record.interruptions];
  if (listed.some((found) => found?.length) || record.drive.capacity_bytes) {
    yield "it is attested, and lists what only a measured erasure has";
  }
  const measured = read.bytes || read.blake3 || read.mismatches?.length || read.sample || read.sentinels;
  if (read.kind !== "none" || read.result !== "not-run" || measured) yield "it is attested, and lists a read-back";
  if (!record.operator?.id || record.operator.id !== said.by) yield "it is attested, and not by its operator";
  if (record.outcome !== "erased") return;
  if ([done.level, done.level_nist_800_88_r1, done.level_ieee_2883].some((level) => level !== "clear")) {
    yield "an attestation is of level clear, and of no other";
  }
  const yes = said.checks.map((check) => `${check?.question}=${check?.answer}`).join();
  if (yes !== QUESTIONS.map((question) => `${question}=yes`).join()) {
    yield "it says erased, and not every check was answered with yes";
  }
  if (!record.drive.serial || !record.asset?.tag) {
    yield "it says erased, and names no device by serial and asset tag";
  }
}

// --- small things ------------------------------------------------------------------------------------------------------

function importKey(x) {
  return crypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x }, "Ed25519", false, ["verify"]);
}

/** RFC 7638: the SHA-256 of a key's required members in lexical order. */
async function thumbprint(key) {
  if (key.kty !== "OKP" || key.crv !== "Ed25519" || typeof key.x !== "string") return "";
  const members = new TextEncoder().encode(JSON.stringify({ crv: key.crv, kty: key.kty, x: key.x }));
  return b64(new Uint8Array(await crypto.subtle.digest("SHA-256", members)));
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function startsWith(bytes, place, latin) {
  return Array.from(latin).every((letter, n) => bytes[place + n] === letter.charCodeAt(0));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function b64(bytes) {
  const padded = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return padded.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** base64url to bytes; undefined where it is none, or not the one way of writing them. */
function unb64(part) {
  if (!/^[A-Za-z0-9_-]*$/.test(part) || part.length % 4 === 1) return undefined;
  const latin = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(latin, (letter) => letter.charCodeAt(0));
  return b64(bytes) === part ? bytes : undefined;
}
