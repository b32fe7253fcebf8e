import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { parseApiKeys } from "../../../shared/http/api-keys.ts";
import { createHttpHandler, withApiKey } from "../../../shared/http/http-handler.ts";
import { jsonResponse } from "../../../shared/http/http-response.ts";
import { readJsonBody } from "../../../shared/http/read-json.ts";
import { createLog } from "../../../shared/log.ts";
import { apiGatewayEvent, fcHttpEvent } from "../../support/fc-events.ts";
import { SEED } from "../../support/seed.ts";

const answerSchema = z.strictObject({
  statusCode: z.int().check(z.gte(200), z.lte(499)),
  headers: z.record(
    z.string().check(z.regex(/^[a-z-]+$/)),
    z.string().check(z.regex(/^[^\r\n]+$/)),
  ),
  isBase64Encoded: z.literal(false),
  body: z.string(),
});

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  requestId: z.string(),
});

const KEY = "aaaaaaaaaaaaaaaaaaaaaaaZ";
const parsed = parseApiKeys(`crm:${KEY}`);
const echo = withApiKey("value" in parsed ? parsed.value : [], async (request) =>
  jsonResponse(200, { body: readJsonBody(request), query: request.query }),
);

const handle = createHttpHandler({
  paths: ["/numbers"],
  methods: { GET: echo, POST: echo },
  log: createLog({ level: "debug", now: () => 0, write: (line) => JSON.parse(line) }),
  now: () => 0,
  newId: () => "made-id",
});

const headers = fc.oneof(
  fc.constant({ authorization: `Bearer ${KEY}`, "content-type": "application/json" }),
  fc.dictionary(fc.string(), fc.string()),
);
const request = fc.record(
  {
    method: fc.oneof(fc.constantFrom("GET", "POST", "HEAD", "OPTIONS", "PUT"), fc.string()),
    path: fc.oneof(fc.constantFrom("/numbers", "/numbers/", "/"), fc.string()),
    query: fc.dictionary(fc.string(), fc.string()),
    headers,
    body: fc.oneof(
      fc.json(),
      fc.string({ unit: "binary" }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
    base64: fc.boolean(),
  },
  { requiredKeys: ["method"] },
);
const json = fc.jsonValue();
const oddRequest = fc.record(
  {
    httpMethod: fc.constantFrom("GET", "POST"),
    path: fc.oneof(fc.constant("/numbers"), json),
    headers: fc.oneof(headers, json, fc.dictionary(fc.string(), json)),
    queryParameters: fc.oneof(json, fc.dictionary(fc.string(), json)),
    body: json,
    isBase64Encoded: json,
  },
  { requiredKeys: ["httpMethod"] },
);
const event = fc.oneof(
  { weight: 3, arbitrary: request.map(fcHttpEvent) },
  { weight: 2, arbitrary: request.map(apiGatewayEvent) },
  { weight: 2, arbitrary: oddRequest.map((value) => Buffer.from(JSON.stringify(value))) },
  json,
  fc.uint8Array(),
  fc.string(),
);
const context = fc.oneof(json, fc.record({ requestId: fc.oneof(json, fc.string()) }));

describe("createHttpHandler", () => {
  it("responds to any event in a well-formed way, and never with a 5xx of its own", async () => {
    await fc.assert(
      fc.asyncProperty(event, context, async (anyEvent, anyContext) => {
        const answer = answerSchema.parse(await handle(anyEvent, anyContext));

        expect(answer.headers["x-request-id"]).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
        if (answer.statusCode >= 400 && answer.body !== "") {
          const problem = problemSchema.parse(JSON.parse(answer.body));
          expect(problem.status).toBe(answer.statusCode);
          expect(problem.requestId).toBe(answer.headers["x-request-id"]);
        }
      }),
      { seed: SEED, numRuns: 600 },
    );
  });

  it("passes JSON on unchanged, through both fronts and both encodings", async () => {
    const sent = fc.record({
      body: fc.json(),
      base64: fc.boolean(),
      build: fc.constantFrom(fcHttpEvent, apiGatewayEvent),
    });

    await fc.assert(
      fc.asyncProperty(sent, async ({ body, base64, build }) => {
        const anyEvent = build({
          method: "POST",
          path: "/numbers",
          headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
          body,
          base64,
        });

        const answer = await handle(anyEvent, {});

        expect(answer.statusCode).toBe(200);
        expect(JSON.parse(answer.body).body).toEqual(JSON.parse(body));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
