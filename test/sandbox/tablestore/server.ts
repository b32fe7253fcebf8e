import * as z from "zod/mini";
import { startTablestore } from "./tablestore.ts";

/**
 * The stand-in as a process of its own, so that it survives a client that is killed. Its one
 * argument is JSON: `{ "instance", "credentials": [{ "accessKeyId", "accessKeySecret",
 * "securityToken"? }], "tables"?, "port"? }`. It prints `{"url":"http://127.0.0.1:…"}` and runs
 * until it is killed.
 */
const optionsSchema = z.strictObject({
  instance: z.string(),
  credentials: z.array(
    z.strictObject({
      accessKeyId: z.string(),
      accessKeySecret: z.string(),
      securityToken: z.optional(z.string()),
    }),
  ),
  tables: z._default(z.array(z.string()), []),
  port: z._default(z.int(), 0),
});

const options = z.parse(optionsSchema, JSON.parse(process.argv[2] ?? "{}"));
const credentials = options.credentials.map(({ securityToken, ...key }) =>
  securityToken === undefined ? key : { ...key, securityToken },
);
const { url } = await startTablestore({ ...options, credentials });
console.log(JSON.stringify({ url }));
