import { describe, expect, it } from "vitest";
import { parseApiKeys } from "../../../shared/http/api-keys.ts";
import { withApiKey } from "../../../shared/http/http-handler.ts";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { fcContext, fcHttpEvent } from "../../support/fc-events.ts";
import { openHandler } from "./http-handler-rig.ts";

describe("withApiKey", () => {
  const parsed = parseApiKeys("crm:aaaaaaaaaaaaaaaaaaaaaaaZ:cust-1");
  const keys = "value" in parsed ? parsed.value : [];

  function openGuarded() {
    let runs = 0;
    const { handle, lines } = openHandler({
      methods: {
        GET: withApiKey(keys, async (_request, { key, requestId }) => {
          runs += 1;
          return jsonResponse(200, { scope: key.scope, requestId });
        }),
      },
    });
    const ask = (authorization: string) => {
      const event = fcHttpEvent({ method: "GET", headers: { authorization } });
      return handle(event, fcContext({ requestId: "req-1" }));
    };
    return { ask, lines, runs: () => runs };
  }

  it("runs the route with the key, and names the key in the log line", async () => {
    const { ask, lines } = openGuarded();

    const answer = await ask("Bearer aaaaaaaaaaaaaaaaaaaaaaaZ");

    expect(JSON.parse(answer.body)).toEqual({ scope: "cust-1", requestId: "req-1" });
    expect(lines[0]).toMatchObject({ message: "request", apiKey: "crm", status: 200 });
    expect(JSON.stringify(lines)).not.toContain("aaaa");
  });

  it("responds to an unknown key with 401, without running the route", async () => {
    const { ask, lines, runs } = openGuarded();

    const answer = await ask("Bearer aaaaaaaaaaaaaaaaaaaaaaab");

    expect(answer.statusCode).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe(
      'Bearer realm="waba-numbers", error="invalid_token"',
    );
    expect(runs()).toBe(0);
    expect(lines[0]).not.toHaveProperty("apiKey");
    expect(JSON.stringify([answer, lines])).not.toContain("aaaa");
  });
});
