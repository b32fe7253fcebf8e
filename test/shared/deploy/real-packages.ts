import { keepPackages } from "../../support/replaced-packages.ts";

// Deploying runs unbundled on the user's machine: its clients get their packages as they are. To be
// imported before anything that loads them.
keepPackages();
