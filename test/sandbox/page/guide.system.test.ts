import { expect, it } from "vitest";
import { describeInBrowser } from "./browser-rig.ts";
import { DESKTOP, keyboard } from "./page-rig.ts";

describeInBrowser("the first steps", ({ openStack, openPage }) => {
  it("hand the focus from each step that is done to the next", async () => {
    const stack = await openStack();
    const { page } = await openPage(stack, { viewport: DESKTOP });
    const step = (name: string) => page.getByRole("button", { name, exact: true });
    const focused = () => page.evaluate("document.activeElement.textContent.trim()");
    const stepIsOver = (done: string) => page.getByText(done).waitFor();

    await keyboard(page).press(step("Add one"));
    await page.getByText("Done; poll sees it with its next run.").waitFor();
    expect(await focused()).toBe("Add one");
    await stack.timer.runNow();
    await stepIsOver("poll has read it: the baseline.");
    expect(await focused()).toBe("Connect it");
    await keyboard(page).press(step("Connect it"));
    await page.getByText("Done; poll sees it with its next run.").waitFor();
    await stack.timer.runNow();
    await stepIsOver("poll has seen it: an event.");
    expect(await focused()).toBe("Drop it");
    await keyboard(page).press(step("Drop it"));
    await page.getByText("Done; poll sees it with its next run.").waitFor();
    await stack.timer.runNow();
    await stepIsOver("Next: switch the receiver off and on.");
    expect(await focused()).toBe("Receiver on");
  });
});
