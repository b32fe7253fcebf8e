import net from "node:net";

/**
 * Guards the suite's promise that it needs no network: every outgoing socket must go to loopback.
 * A test that resolves a public name on purpose injects its own lookup, so nothing here needs an
 * exception.
 */
const LOOPBACK = /^(127\.|::1$|localhost$|::ffff:127\.)/;
const connect = net.Socket.prototype.connect;

// Files of npm test share their process, and each runs this file.
if (connect.name !== "guarded") {
  net.Socket.prototype.connect = function guarded(this: net.Socket, ...args: unknown[]) {
    const first = Array.isArray(args[0]) ? args[0][0] : args[0];
    const host =
      typeof first === "object" && first !== null && !("path" in first && first.path)
        ? String((first as { host?: unknown }).host ?? "localhost")
        : "localhost";
    if (!LOOPBACK.test(host)) throw new Error(`a test tried to leave this machine: ${host}`);
    return Reflect.apply(connect, this, args) as net.Socket;
  } as typeof connect;
}
