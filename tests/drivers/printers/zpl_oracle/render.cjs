// node render.cjs (LABEL.zpl OUT.png WIDTH_MM HEIGHT_MM DOTS_PER_MM)...
const fs = require("node:fs");
const { ready } = require("zpl-renderer-js");

(async () => {
  const { api } = await ready;
  const rest = process.argv.slice(2);
  while (rest.length > 0) {
    const [input, output, width, height, dpmm] = rest.splice(0, 5);
    const png = await api.zplToBase64Async(fs.readFileSync(input, "utf8"), +width, +height, +dpmm);
    fs.writeFileSync(output, Buffer.from(png, "base64"));
  }
  process.exit(0);
})();
