import http from "node:http";
import type { AddressInfo } from "node:net";
import { queryReply } from "../sandbox/cams-replies.ts";
import { createCamsState } from "../sandbox/cams-state.ts";

/** How many numbers the measured customers have. */
export const SIZES = [1, 10, 100] as const;

export function customerOf(size: number): string {
  return `numbers-${size}`;
}

const CUSTOMER = /CustSpaceId=(numbers-\d+)/;

/**
 * An upstream that costs as little as possible: the sandbox's answers, written once, for every
 * caller. It checks nothing and closes no connection.
 */
export async function startWarmServer() {
  const state = createCamsState();
  const replies = new Map(
    SIZES.map((size) => {
      const numbers = Array.from({ length: size }, (_, index) => ({
        PhoneNumber: `4915100${String(index).padStart(6, "0")}`,
        Status: "CONNECTED",
        QualityRating: "GREEN",
        MessagingLimitTier: "TIER_1K",
      }));
      state.addCustomer(customerOf(size), numbers);
      const { body } = queryReply(state.listed(customerOf(size)));
      return [customerOf(size), Buffer.from(JSON.stringify(body))];
    }),
  );
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      // The official SDK has its parameters in the address, the functions have them in the body.
      const sent = `${request.url}&${Buffer.concat(chunks).toString()}`;
      const reply = replies.get(CUSTOMER.exec(sent)?.[1] ?? "") ?? Buffer.from("{}");
      response.writeHead(200, {
        "content-type": "application/json;charset=utf-8",
        "content-length": reply.length,
      });
      response.end(reply);
    });
  });
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    bytesOf: (size: number) => replies.get(customerOf(size))?.length ?? 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
