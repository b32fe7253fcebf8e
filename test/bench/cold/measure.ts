import { fork } from "node:child_process";
import { once } from "node:events";

export type Timing = {
  /** ms until the file was loaded */
  readonly load: number;
  /** ms until the first answer, loading included */
  readonly call: number;
  /** ms of the processor until then, which a busy machine changes less */
  readonly cpu: number;
};

/** What the platform does in a fresh instance: load the file, hand over one event, await the answer. */
export const PROBE = `
const [, , file, event, right] = process.argv;
const cpuBefore = process.cpuUsage();
const startedAt = process.hrtime.bigint();
const { handler } = require(file);
const loadedAt = process.hrtime.bigint();
const ms = (from, to) => Number(to - from) / 1e6;
handler(Buffer.from(event, "base64"), { requestId: "r-1", credentials: {}, accountId: "1" }).then(
  (answer) => {
    const answeredAt = process.hrtime.bigint();
    const { user, system } = process.cpuUsage(cpuBefore);
    if (answer.statusCode !== 200 || !answer.body.includes(right)) process.exit(2);
    process.send({ load: ms(startedAt, loadedAt), call: ms(startedAt, answeredAt), cpu: (user + system) / 1000 });
    process.disconnect();
  },
);
`;

export type ColdCall = {
  readonly event: Buffer;
  /** What the right answer holds. */
  readonly answer: string;
  readonly env: Readonly<Record<string, string>>;
};

/** One fresh process, in ms: loading the file, and loading it with its first answered call. */
export async function measure(probe: string, file: string, call: ColdCall): Promise<Timing> {
  const { event, answer, env } = call;
  const args = [file, event.toString("base64"), answer];
  const child = fork(probe, args, { env, execArgv: [], silent: true });
  const said = new Promise<Timing>((resolve, reject) => {
    child.once("message", (message) => resolve(message as Timing));
    child.once("exit", (code) => reject(new Error(`the probe ended with ${code} and no answer`)));
  });
  const closed = once(child, "close");
  const timing = await said;
  await closed;
  return timing;
}
