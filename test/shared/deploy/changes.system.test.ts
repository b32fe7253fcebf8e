import { afterEach, beforeEach, expect, it } from "vitest";
import { listFunctions } from "../../../shared/deploy/functions.ts";
import { showChanges } from "../../../shared/deploy/service.ts";
import { ACCOUNT, KEY } from "./account.ts";
import { type StandInCloud, startCloud } from "./cloud/cloud.ts";
import { connectTo, type InProcess } from "./in-process.ts";
import { planFor, serviceConfig } from "./service.ts";

const POLL = "waba-numbers-dev-poll";

let cloud: StandInCloud;
let world: InProcess;

beforeEach(async () => {
  cloud = await startCloud({ accountId: ACCOUNT, credentials: [KEY] });
  world = connectTo(cloud);
});
afterEach(async () => {
  world.stop();
  await cloud.close();
});

const planWith = (environment: object, cron?: string) =>
  planFor(
    serviceConfig(({ functions }) => {
      const events = cron ? [{ timer: { cron } }] : [];
      functions.poll = { handler: "poll.handler", environment, events };
    }),
  );
/** The lines of a later deployment, and why it stops. */
const changesOf = async (plan = planWith({}, "@every 1m"), given: readonly string[] = []) => {
  world.said.length = 0;
  const now = world.cloudFor(plan);
  const isGiven = (name: string) => given.includes(name);
  const options = { only: undefined, mayLose: false, isGiven };
  const stop = await showChanges(await listFunctions(now), options, now).then(
    () => "",
    (error: Error) => error.message.split(". ", 1)[0],
  );
  return { said: [...world.said], stop };
};
const addToPoll = (added: object) => {
  const settings = cloud.state.functions.get(POLL)?.settings;
  if (settings) Object.assign(settings, { environmentVariables: { STAGE: "dev", ...added } });
};

it("no value is shown of a variable that the table of settings does not know as no secret", async () => {
  await world.deploy(planWith({}, "@every 1m"));
  addToPoll({
    ...{ DB_PASS: "p-1", db_password: "p-2", apiKey: "p-3", SENTRY_DSN: "https://p-4@example.com" },
    ...{ HINT_SECRET: "p-5", API_KEYS: "tablestore:p-6", WATCH_CUST_SPACES: "cust-1" },
  });
  expect((await changesOf()).said).toEqual([
    ...["- poll  API_KEYS", "- poll  DB_PASS", "- poll  HINT_SECRET", "- poll  SENTRY_DSN"],
    ...["- poll  WATCH_CUST_SPACES cust-1", "- poll  apiKey", "- poll  db_password"],
  ]);
});

it("a setting that nobody gives any more stops a deployment before it falls back to its default", async () => {
  await world.deploy(planWith({ WATCH_DISCOVER: "on", RETENTION_DAYS: 30 }, "@every 5m"));
  const plan = planWith({ WATCH_DISCOVER: "off", RETENTION_DAYS: 90 }, "@every 1m");
  expect(await changesOf(plan, ["RETENTION_DAYS"])).toEqual({
    said: [
      "~ poll  RETENTION_DAYS 30 -> 90",
      "~ poll  WATCH_DISCOVER on -> off",
      "~ poll  trigger timer @every 5m -> @every 1m",
    ],
    stop: "What runs in stage dev now would disappear: WATCH_DISCOVER, TIMER",
  });
  expect((await changesOf(plan, ["RETENTION_DAYS", "WATCH_DISCOVER", "TIMER"])).stop).toBe("");
});

it("a setting that ran with its default may change in serverless.yml", async () => {
  await world.deploy(planWith({ RETENTION_DAYS: 90 }, "@every 1m"));
  const changed = planWith({ RETENTION_DAYS: 30 }, "@every 2m");
  expect((await changesOf(changed)).stop).toBe("");
});

it("a trigger that would go stops a deployment, and ceilings are listed", async () => {
  await world.deploy(planWith({}, "@every 1m"));
  const poll = cloud.state.functions.get(POLL);
  if (poll) poll.concurrency = 5;
  expect(await changesOf(planWith({}))).toEqual({
    said: ["~ poll  reservedConcurrency 5 -> 2", "- poll  trigger timer @every 1m"],
    stop: "What runs in stage dev now would disappear: trigger timer",
  });
});

it("a trigger that a person added is none of the changes", async () => {
  await world.deploy(planWith({}, "@every 1m"));
  const triggers = cloud.state.functions.get(POLL)?.triggers;
  const timer = triggers?.get("timer");
  if (timer) triggers?.set("by-hand", { ...timer, triggerName: "by-hand", description: "" });
  expect(await changesOf()).toEqual({ said: [], stop: "" });
});
