// For test_browser_check.py: a line of JSON for each file in, {file: base64, keys: {kid: jwk}}; a line for each answer.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { canCheck, examine } = await import(pathToFileURL(process.argv[2]));
if (process.argv[3] === "without") crypto.subtle.verify = () => Promise.reject(new Error("no such algorithm"));
if (process.argv[3] === "lying") crypto.subtle.verify = () => Promise.resolve(true);
console.log(JSON.stringify({ can: await canCheck() }));
for await (const line of createInterface({ input: process.stdin })) {
  const { file, keys } = JSON.parse(line);
  try {
    console.log(JSON.stringify(await examine(new Uint8Array(Buffer.from(file, "base64")), (kid) => keys[kid] ?? null)));
  } catch (problem) {
    console.log(JSON.stringify({ verdict: "raised", problem: String(problem.stack) }));
  }
}
