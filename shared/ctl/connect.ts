import { insecureProblems } from "../signing/insecure.ts";
import { connectDeployed } from "./deployed.ts";
import { connectInProcess } from "./in-process.ts";
import { type Connection, CtlError, type CtlIo } from "./io.ts";
import { createRunning } from "./running.ts";

/** Where `npm start` listens. */
const LOCAL_URL = "http://127.0.0.1:8787";

export type Where = {
  readonly stage?: string;
  readonly url?: string;
  readonly key?: string;
};

/**
 * The deployed function if a stage is given. Otherwise the running `npm start`, found with its key
 * by the file that it writes. If none runs, poll in this process on the store that the environment
 * names. Says where it went unless the caller named it.
 */
export async function connect({ stage, url, key }: Where, io: CtlIo): Promise<Connection> {
  const insecure = insecureProblems(io.environment);
  if (insecure.length > 0) throw new CtlError(["Nothing was sent.", ...insecure].join("\n  "));
  if (stage !== undefined) return connectDeployed(stage, io);
  const { WABA_CTL_URL, WABA_CTL_KEY } = io.environment;
  const named = url ?? WABA_CTL_URL;
  const running = await io.findStart();
  const found = named === undefined || named === running?.url ? running : undefined;
  const address = named ?? found?.url ?? LOCAL_URL;
  const send = createRunning(address, key ?? WABA_CTL_KEY ?? found?.apiKey);
  let own: Connection | undefined;
  let isSaid = named !== undefined;
  return {
    async send(payload) {
      const answer = own ? "absent" : await send(payload);
      if (answer !== "absent") {
        if (!isSaid) io.err(`npm start at ${address}${found ? `, store ${found.store}` : ""}`);
        isSaid = true;
        return answer;
      }
      if (url !== undefined) {
        throw new CtlError("Nothing listens at the given --url. Is npm start running?");
      }
      own ??= connectInProcess(io);
      return own.send(payload);
    },
    addressOf: async () => (own ? undefined : address.replace(/\/$/, "")),
    close: async () => own?.close(),
  };
}
