// node run.mjs REPOSITORY: the controller's firmware under real MicroPython.
import { loadMicroPython } from "@micropython/micropython-webassembly-pyscript/micropython.mjs";
import fs from "node:fs";
import path from "node:path";

const [SERIAL, CONTROL] = [Number(process.env.SERIAL_FD), Number(process.env.CONTROL_FD)];
const ROOMS = ["firmware_bridge/controller", "tests/firmware_bridge/device"];
const repository = process.argv[2];
const buffer = Buffer.alloc(4096);

function read(descriptor) {
  // null at the end
  try {
    const count = fs.readSync(descriptor, buffer, 0, buffer.length, null);
    return count ? Buffer.from(buffer.subarray(0, count)) : null;
  } catch (error) {
    return error.code === "EAGAIN" ? Buffer.alloc(0) : null;
  }
}

function write(descriptor, data) {
  try {
    fs.writeSync(descriptor, data);
  } catch (error) {
    if (error.code !== "EAGAIN" && error.code !== "EIO") throw error;
  }
}

const micropython = await loadMicroPython({ heapsize: 192 * 1024, stdout: (line) => console.error(line) });
for (const room of ROOMS) {
  let folder = "";
  for (const part of room.split("/")) {
    folder = `${folder}/${part}`;
    micropython.FS.mkdirTree(folder);
    micropython.FS.writeFile(`${folder}/__init__.py`, "");
  }
  for (const name of fs.readdirSync(path.join(repository, room)).filter((n) => n.endsWith(".py"))) {
    micropython.FS.writeFile(`/${room}/${name}`, fs.readFileSync(path.join(repository, room, name)));
  }
}
micropython.registerJsModule("host", {
  serial_read: () => (read(SERIAL) ?? Buffer.alloc(0)).toString("hex"),
  serial_write: (digits) => write(SERIAL, Buffer.from(digits, "hex")),
  control_read: () => read(CONTROL)?.toString() ?? "quit\n",
  control_write: (text) => write(CONTROL, Buffer.from(text)),
});
const nap = new Int32Array(new SharedArrayBuffer(4));
micropython.registerJsModule("_nap", { sleep: (milliseconds) => { Atomics.wait(nap, 0, 0, milliseconds); } });
micropython.runPython(`
import sys
sys.path.insert(0, "/")
import _nap, time
class utime:
    ticks_ms, ticks_diff = time.ticks_ms, time.ticks_diff
    @staticmethod
    def sleep_ms(milliseconds):
        _nap.sleep(milliseconds)
sys.modules["utime"] = utime
from tests.firmware_bridge.device.run import run
run()
`);
