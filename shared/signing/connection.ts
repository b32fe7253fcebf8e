import type { Agent, ClientRequest } from "node:http";
import type { Socket } from "node:net";

/** Not documented, but every agent has it: Node calls it with each request. */
type AgentInternals = { addRequest(request: ClientRequest, ...rest: unknown[]): void };

/**
 * The same agent for one call, which sees whether the call's connection ever stood, TLS included.
 * Node writes nothing before that, so a call whose connection never stood was not sent. Error codes
 * alone do not prove it: in TLS 1.3 an alert may follow the request.
 */
export function watchConnection(agent: Agent): { readonly agent: Agent; stood(): boolean } {
  let stood = false;
  const note = () => {
    stood = true;
  };
  const watched: Agent & AgentInternals = Object.create(agent);
  watched.addRequest = (request, ...rest) => {
    request.once("socket", (socket: Socket & { secureConnecting?: boolean }) => {
      if (socket.destroyed) return;
      if (!socket.connecting && !socket.secureConnecting) note();
      else socket.once(socket.secureConnecting === undefined ? "connect" : "secureConnect", note);
    });
    (agent as unknown as AgentInternals).addRequest(request, ...rest);
  };
  return { agent: watched, stood: () => stood };
}
