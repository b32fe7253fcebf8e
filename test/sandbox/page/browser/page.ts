import { byId, setAttribute, setText } from "./dom.ts";
import { createEvents } from "./events.ts";
import { createForms } from "./forms.ts";
import { createGuide } from "./guide.ts";
import { fromSnapshot, type Model, withChange } from "./model.ts";
import { createNumbers } from "./numbers.ts";
import { createOverview } from "./overview.ts";
import { followStream, type Link } from "./stream.ts";

const LINK_WORDS = {
  connecting: "Connecting",
  live: "Live",
  lost: "Connection lost",
  trouble: "No store",
} as const;

const overview = createOverview();
const numbers = createNumbers();
const events = createEvents();
const forms = createForms();
const guide = createGuide(forms.addNext);
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
  for (const part of [overview, forms, numbers, events, guide]) part.show(model);
  overview.tick(model);
}

const BANNERS: Partial<Record<Link, string>> = {
  lost: "The connection to npm start is lost; what you see is old. Trying again each second.",
  trouble: "The store cannot be read; what you see is old. npm start printed why, and tries again.",
};

function showLink(link: Link): void {
  const place = byId("link");
  setText(place, LINK_WORDS[link]);
  setAttribute(place, "data-state", link);
  const banner = byId("banner");
  setText(banner, BANNERS[link] ?? "");
  banner.hidden = BANNERS[link] === undefined;
}

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
  onLink: showLink,
});

setInterval(() => {
  if (model) overview.tick(model);
}, 1_000);
