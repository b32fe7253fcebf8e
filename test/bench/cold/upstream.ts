import http from "node:http";
import type { AddressInfo } from "node:net";

const ANSWER = JSON.stringify({
  RequestId: "90E63D28-E31D-1EB2-8939-A94866411B2O",
  Code: "OK",
  Message: "None",
  PhoneNumbers: [
    {
      PhoneNumber: "8613800001234",
      VerifiedName: "Acme",
      Status: "CONNECTED",
      QualityRating: "GREEN",
      CodeVerificationStatus: "VERIFIED",
      NameStatus: "APPROVED",
      MessagingLimitTier: "TIER_1K",
    },
  ],
});

/** A loopback server with one good answer and a new connection for each call. */
export async function startUpstream(): Promise<{ url: string; close: () => void }> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(ANSWER);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
