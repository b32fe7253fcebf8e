import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

export type AgentOptions = {
  /** Idle sockets older than this are closed instead of used, in ms. */
  readonly maxIdleMs: number;
  readonly now: () => number;
  readonly connect?: https.AgentOptions;
};

/**
 * A keep-alive agent that never sends on a socket that has been idle for long. While the platform
 * freezes an instance, the far side closes or forgets idle connections without the instance
 * noticing: the first call after the thaw would fail or hang until its timeout.
 */
export function createAgent(
  protocol: "http:" | "https:",
  options: AgentOptions,
): http.Agent | https.Agent {
  const Base = protocol === "https:" ? https.Agent : http.Agent;
  const agent = new Base({ keepAlive: true, scheduling: "lifo", ...options.connect });
  const idleSince = new WeakMap<Socket, number>();

  agent.on("free", (socket: Socket) => {
    idleSince.set(socket, options.now());
  });

  // Node's documented hook for taking a kept socket: answering with none makes the agent connect.
  const internal = agent as unknown as { addRequest(request: unknown, options: unknown): void };
  const addRequest = internal.addRequest.bind(agent);
  internal.addRequest = (request, requestOptions) => {
    for (const sockets of Object.values(agent.freeSockets)) {
      for (const socket of [...(sockets ?? [])]) {
        const since = idleSince.get(socket);
        if (since !== undefined && options.now() - since > options.maxIdleMs) socket.destroy();
      }
    }
    addRequest(request, requestOptions);
  };
  return agent;
}
