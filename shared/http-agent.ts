import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

export type AgentOptions = {
  /** A socket that was idle for longer is closed instead of used, in ms. */
  readonly maxIdleMs: number;
  readonly now: () => number;
  readonly connect?: https.AgentOptions;
};

/**
 * A keep-alive agent that never sends on a socket that was idle for long. The far side drops idle
 * connections while the platform freezes an instance. The next call on one would fail or hang until
 * its timeout.
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
      // If the clock was set back, the age is unknown. Close the socket.
      if (idle >= 0 && idle <= options.maxIdleMs) continue;
      socket.destroy();
      // Node may choose a kept socket that is destroyed. This documented event makes the agent forget
      // it at once.
      socket.emit("agentRemove");
    }
  };

  // Every agent has this method, which is not documented. It runs just before a kept socket is
  // chosen.
  const internal = agent as unknown as { addRequest(request: unknown, options: unknown): void };
  const addRequest = internal.addRequest.bind(agent);
  internal.addRequest = (request, requestOptions) => {
    retireOld();
    addRequest(request, requestOptions);
  };
  return agent;
}

/** One agent for http and one for https, each made at its first use. */
export function createAgents(maxIdleMs: number, now: () => number): (endpoint: URL) => http.Agent {
  const agents = new Map<string, http.Agent>();
  return ({ protocol: scheme }) => {
    const protocol = scheme === "https:" ? "https:" : "http:";
    const agent = agents.get(protocol) ?? createAgent(protocol, { maxIdleMs, now });
    agents.set(protocol, agent);
    return agent;
  };
}
