import net from "node:net";

/**
 * Proves that the suite needs no network: every outgoing socket has to go to loopback. There is no
 * exception, because a test that resolves a public name injects its own lookup.
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
