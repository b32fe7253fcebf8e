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
 * The deployed function if a stage is given. Otherwise the running `npm start`. If none runs, poll
 * in this process on the store that the environment names.
 */
export function connect({ stage, url, key }: Where, io: CtlIo): Connection {
  const insecure = insecureProblems(io.environment);
  if (insecure.length > 0) throw new CtlError(["Nothing was sent.", ...insecure].join("\n  "));
  if (stage !== undefined) return connectDeployed(stage, io);
  const { WABA_CTL_URL, WABA_CTL_KEY } = io.environment;
  const send = createRunning(url ?? WABA_CTL_URL ?? LOCAL_URL, key ?? WABA_CTL_KEY);
  let own: Connection | undefined;
  return {
    async send(payload) {
      const answer = own ? "absent" : await send(payload);
      if (answer !== "absent") return answer;
      if (url !== undefined) {
        throw new CtlError("Nothing listens at the given --url. Is npm start running?");
      }
      own ??= connectInProcess(io);
      return own.send(payload);
    },
    close: async () => own?.close(),
  };
}
