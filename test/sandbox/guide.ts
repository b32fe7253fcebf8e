import { FIRST_CUSTOMER, type Stack } from "./stack.ts";

const NUMBER = "4915112345678";

/** What `npm start` prints once everything runs: addresses, and commands to try. */
export function guide(stack: Stack, intervalSeconds: number): string {
  const { url, isKeyMade, upstream, receiver, webhookSecret, isSecretMade, webhookUrl } = stack;
  const apiKey = isKeyMade ? stack.apiKey : "YOUR-KEY";
  const auth = `-H 'authorization: Bearer ${apiKey}'`;
  const json = "-H 'content-type: application/json'";
  const add = `{"custSpaceId":"${FIRST_CUSTOMER}","cc":"49","phoneNumber":"15112345678","verifiedName":"Acme"}`;
  const lines = [
    `page        ${url}/   (open it in a browser)`,
    `functions   ${url}/add  ${url}/query`,
    `OpenAPI     ${url}/openapi.json`,
    `upstream    ${upstream ? `${upstream.url} (simulated)` : "the real one"}`,
    `receiver    ${receiver ? `${receiver.url} (local, verifies each event)` : `yours, at ${new URL(webhookUrl).origin}`}`,
    ...(receiver || !isSecretMade ? [] : [`secret      ${webhookSecret}`]),
    `poll        every ${intervalSeconds} s`,
    `API key     ${isKeyMade ? apiKey : "one of your API_KEYS"}`,
    "",
    "The page has buttons for all of this. The operator's commands find this process by themselves:",
    "  npm run ctl -- status",
    "With curl:",
    "Add a number:",
    `  curl -X POST ${url}/add ${auth} ${json} -d '${add}'`,
    "Query it, live and from the store:",
    `  curl '${url}/query?custSpaceId=${FIRST_CUSTOMER}' ${auth}`,
    `  curl '${url}/query?custSpaceId=${FIRST_CUSTOMER}&source=stored' ${auth}`,
    "Send poll a command. Without one it runs:",
    `  curl -X POST ${url}/poll ${auth} ${json} -d '{"command":"watch","custSpaceIds":["${FIRST_CUSTOMER}"]}'`,
  ];
  if (upstream) {
    const control = `${upstream.url}/~control`;
    const number = `"custSpaceId":"${FIRST_CUSTOMER}","phoneNumber":"${NUMBER}"`;
    lines.push(
      "poll's first read of a number sends no event. After it, connect the number upstream, then lower",
      "its quality. The events are printed here:",
      `  curl ${control}/connect ${json} -d '{${number}}'`,
      `  curl ${control}/set-number ${json} -d '{${number},"fields":{"QualityRating":"RED"}}'`,
    );
    if (stack.takesHints) {
      const hook = `"custSpaceId":"${FIRST_CUSTOMER}","url":"ADDRESS"`;
      lines.push(
        "Have the upstream report changes to hint, at the ADDRESS that the first line prints:",
        `  npm run ctl -- hints url ${FIRST_CUSTOMER}`,
        `  curl ${control}/set-webhook ${json} -d '{${hook}}'`,
      );
    }
  }
  return lines.join("\n");
}
