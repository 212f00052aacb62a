// The public check's page: a file that is chosen or dropped is examined here, and sent nowhere. What it does is told by
// attributes of the page, so that all words are the page's, in its language:
//
//   <section data-check="/check/keys/{kid}" data-word-holds=".." data-shape-holds=".." (and so for each verdict)>
//     <input type="file">            a form around it posts the file where the person likes that better
//     <div data-result hidden>       shown with its answer; its data-verdict is for the style sheet
//       <span data-shape></span> <strong data-word></strong> <p data-problem></p>
//       <dd data-fact="number"> ..   number, claim, outcome, level, serial, model, date, station, kid, enrolled
//     <p data-statement hidden>      says that a statement is checked where it is posted
//     <p data-cannot hidden>         says that this browser cannot check, and offers posting
//
// A word for a fact's value stands in data-word-fact-<fact>-<value>; without one the value itself is shown.
import { MOST_OF_A_PAGE, canCheck, examine } from "./certificate.js";

const root = document.querySelector("[data-check]");

async function enrolledKey(kid) {
  const answer = await fetch(root.dataset.check.replace("{kid}", encodeURIComponent(kid)), { credentials: "omit" });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`the keys do not answer (${answer.status})`);
  return answer.json();
}

function word(name) {
  return root.getAttribute(`data-word-${name}`);
}

function show(found) {
  const result = root.querySelector("[data-result]");
  const drive = found.facts?.drive ?? {};
  const facts = {
    ...found.facts,
    serial: drive.serial ?? drive.wwn,
    model: [drive.vendor, drive.model].filter(Boolean).join(" "),
    date: found.facts?.finished_at,
    kid: found.kid,
    enrolled: found.key?.enrolled_at,
    id: found.id,
  };
  result.dataset.verdict = found.verdict;
  result.querySelector("[data-shape]").textContent = root.getAttribute(`data-shape-${found.verdict}`) ?? "";
  result.querySelector("[data-word]").textContent = word(found.verdict) ?? found.verdict;
  result.querySelector("[data-problem]").textContent = found.problem ? (word(`problem-${found.code}`) ?? found.problem) : "";
  for (const place of result.querySelectorAll("[data-fact]")) {
    const value = facts[place.dataset.fact] ?? "";
    place.textContent = word(`fact-${place.dataset.fact}-${value}`) ?? visible(String(value));
  }
  const hint = root.querySelector("[data-statement]");
  if (hint) hint.hidden = found.code !== "header"; // signed, and as something else
  result.hidden = false;
  result.focus?.();
}

/** What turns or hides text is shown as its escape, as on paper. */
function visible(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);
}

async function check(file) {
  if (!file) return;
  const unread = { verdict: "no_certificate", code: "size", problem: `more than ${MOST_OF_A_PAGE} bytes`, kid: "", id: "" };
  try {
    const bytes = file.size > MOST_OF_A_PAGE ? null : new Uint8Array(await file.arrayBuffer());
    show(bytes ? await examine(bytes, enrolledKey) : unread);
  } catch (problem) {
    show({ ...unread, verdict: "cannot_check", code: "keys", problem: String(problem.message ?? problem) });
  }
}

async function begin() {
  if (!(await canCheck())) {
    root.querySelector("[data-cannot]").hidden = false; // the form is there: the file can be posted
    return;
  }
  const input = root.querySelector('input[type="file"]');
  input.addEventListener("change", () => check(input.files[0]));
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    check(event.dataTransfer.files[0]);
  });
}

if (root) begin();
