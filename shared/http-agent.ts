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

  const retireOld = () => {
    const now = options.now();
    for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) {
      const idle = now - (idleSince.get(socket) ?? now);
      // A clock that was set back says nothing about the age.
      if (idle >= 0 && idle <= options.maxIdleMs) continue;
      socket.destroy();
      // Node takes the newest kept socket without asking whether it is destroyed; by this documented
      // event the agent forgets it now rather than when it has closed.
      socket.emit("agentRemove");
    }
  };

  // Every agent has this method, although it is not documented: the last moment before a kept socket
  // is chosen.
  const internal = agent as unknown as { addRequest(request: unknown, options: unknown): void };
  const addRequest = internal.addRequest.bind(agent);
  internal.addRequest = (request, requestOptions) => {
    retireOld();
    addRequest(request, requestOptions);
  };
  return agent;
}
