import { describe, expect, it } from "vitest";
import { guide } from "./guide.ts";
import type { Stack } from "./stack.ts";

const stack = {
  ...{ url: "http://127.0.0.1:1", apiKey: "key", isKeyMade: true, isSecretMade: true },
  ...{ upstream: { url: "http://127.0.0.1:2" }, receiver: { url: "http://127.0.0.1:3" } },
} as unknown as Stack;

describe("what npm start prints", () => {
  it("has the two lines that make the upstream report to hint, with HINT_SECRET alone", () => {
    const lines = guide({ ...stack, takesHints: true }, 60).split("\n");
    expect(lines.slice(-2)).toEqual([
      "  npm run ctl -- hints url cust-space-1",
      "  curl http://127.0.0.1:2/~control/set-webhook -H 'content-type: application/json' " +
        `-d '{"custSpaceId":"cust-space-1","url":"ADDRESS"}'`,
    ]);
    expect(guide({ ...stack, takesHints: false }, 60)).not.toContain("hint");
  });
});
