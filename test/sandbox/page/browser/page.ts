import { byId, setText } from "./dom.ts";
import { createEvents } from "./events.ts";
import { createFilters } from "./filters.ts";
import { createForms } from "./forms.ts";
import { createGuide } from "./guide.ts";
import { fromSnapshot, type Model, withChange } from "./model.ts";
import { createNumbers } from "./numbers.ts";
import { createOverview } from "./overview.ts";
import { followStream } from "./stream.ts";
import { createTabs } from "./tabs.ts";
import { createVerdict } from "./verdict.ts";

const verdict = createVerdict();
const overview = createOverview();
const filters = createFilters(() => {
  numbers.render();
  events.render();
});
const numbers = createNumbers(filters);
const events = createEvents(filters);
const forms = createForms();
const guide = createGuide(forms.addNext);
/** Each shows its part of every state. */
const PARTS = [verdict, overview, forms, filters, numbers, events, guide];
let model: Model | undefined;
let version: string | undefined;
let isPlanned = false;

/** However many messages come, the document changes once a frame. */
function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  // A page in the background gets no frames, and its title and announcements should still be right.
  if (document.hidden) setTimeout(render);
  else requestAnimationFrame(render);
}

function render(): void {
  isPlanned = false;
  if (!model) return;
  setText(byId("mode"), model.overview.upstream.isSimulated ? "sandbox" : "real upstream");
  for (const part of PARTS) part.show(model);
  overview.tick(model);
}

createTabs(() => events.render());

followStream({
  onSnapshot(state) {
    // Another version of the page is served now: what runs here may not understand it.
    if (version !== undefined && version !== state.version) location.reload();
    version = state.version;
    model = fromSnapshot(state);
    plan();
  },
  onChange(change) {
    if (model) model = withChange(model, change);
    plan();
  },
  onLink: verdict.setLink,
});

setInterval(() => {
  if (!model) return;
  overview.tick(model);
  verdict.show(model);
}, 1_000);
