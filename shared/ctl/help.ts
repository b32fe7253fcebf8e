import { COMMANDS, type CommandEntry, wordsOf } from "../commands/table.ts";
import { NEW_KEY_USAGE } from "./new-key.ts";

const COMMON_HELP = `  --json         prints the whole answer as JSON
  --stage NAME   asks the deployed function of that stage, by serverless invoke
  --url URL      asks npm start at that address, and nothing else. Without it, ctl tries WABA_CTL_URL,
                 then the npm start that runs in this folder, with its key
  --key KEY      its API key, if it runs elsewhere. Better in the environment, as WABA_CTL_KEY
  --help         prints this text
`;

export function usageOf(entry: CommandEntry): string {
  return [wordsOf(entry), entry.usage ?? ""].join(" ").trimEnd();
}

export function helpOf(entry: CommandEntry): string {
  return `npm run ctl -- ${usageOf(entry)}\n\n${entry.help}\n\n${COMMON_HELP}`;
}

export function generalHelp(): string {
  return `npm run ctl -- COMMAND [options]

The operator's commands. They go to the running npm start. If it is not running, they go to the
store that the environment names. With --stage they go to the deployed function.

${COMMANDS.map((entry) => `  ${usageOf(entry)}`).join("\n")}
  ${NEW_KEY_USAGE}

${COMMON_HELP}  --version      prints the version

A TIME is a duration such as 90m, 1.5h or 2d. After --since it is how long ago, or a date. ls and
rm stand for list and remove.
Examples:
  npm run ctl -- status --check --stage prod
  npm run ctl -- watch import customers.csv --dry-run
  npm run ctl -- redeliver --customer cust-space-1 --since 2h
Exit codes: 0 done, 1 refused or failed, 2 wrong command line. Those of status --check differ.
`;
}
